/** Finds the nats-server to run, and says what its version means for what is kept through a power cut. */
import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { DependencyError } from "./errors.ts";
import { cacheDir } from "./paths.ts";

/** Where servers lie that a distribution installed, also when PATH of an ordinary user leaves them out. */
const USUAL_FOLDERS = ["/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/opt/homebrew/bin"];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * The path of the nats-server: the one that is configured (`nats.server`, BAILIWICK_NATS_SERVER), else from PATH and the
 * usual folders, else the one that set-up put into the cache. BAILIWICK_NATS_SEARCH_PATH replaces PATH and the usual
 * folders (empty: look nowhere).
 * @throws DependencyError when there is none.
 */
export function findNatsServer(configured?: string, env: NodeJS.ProcessEnv = process.env): string {
  const wanted = configured ?? (env.BAILIWICK_NATS_SERVER || undefined);
  if (wanted) {
    if (isProgram(wanted)) return wanted;
    throw new DependencyError(
      `nats.server (BAILIWICK_NATS_SERVER) is ${wanted}, which is no program that this user may run: correct the path, or remove the setting and run: npm run setup`,
    );
  }
  const folders =
    env.BAILIWICK_NATS_SEARCH_PATH !== undefined
      ? env.BAILIWICK_NATS_SEARCH_PATH.split(delimiter)
      : [...(env.PATH ?? "").split(delimiter), ...USUAL_FOLDERS];
  for (const folder of [...folders, join(cacheDir(env), "nats-server")]) {
    if (folder && isProgram(join(folder, "nats-server"))) return join(folder, "nats-server");
  }
  throw new DependencyError("nats-server was not found: run npm run setup, which fetches it into the cache");
}

/** `2.9.10`; undefined when the program does not say. */
export async function natsServerVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], { timeout: 5_000 });
    return /v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** What a power cut may cost with this version; undefined when nothing is known against it. */
export function powerCutRisk(version: string): { readonly what: string; readonly mend: string } | undefined {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const mend =
    "put a newer nats-server first: download 2.10.29 or later from https://github.com/nats-io/nats-server/releases and set BAILIWICK_NATS_SERVER to its path";
  if (major < 2 || (major === 2 && minor < 10)) {
    return {
      what: `nats-server ${version} acknowledges before it syncs to disk (every 60 s): a killed process loses nothing, but a power cut can lose what was acknowledged in the last minute`,
      mend,
    };
  }
  if (major === 2 && minor === 10 && patch < 23) {
    return {
      what: `nats-server ${version} can lose a stream when the machine crashes (2.10.0 to 2.10.22)`,
      mend,
    };
  }
  return undefined;
}
