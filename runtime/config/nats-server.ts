/** Finds the nats-server to run, and says what its version means for what is kept through a power cut, and for copies. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
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

/** Older servers lack what the log and the leases are built on. */
const MIN_VERSION = [2, 9, 0] as const;

/** `2.9.10`; undefined when the program does not run or does not say. */
export function natsServerVersion(path: string): string | undefined {
  const { stdout } = spawnSync(path, ["--version"], { timeout: 10_000, encoding: "utf8" });
  return /v?(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
}

function isNewEnough(version: string | undefined): boolean {
  if (version === undefined) return false;
  const parts = version.split(".").map(Number);
  for (const [i, min] of MIN_VERSION.entries()) {
    if (parts[i] !== min) return (parts[i] ?? 0) > min;
  }
  return true;
}

/**
 * The path of the nats-server: the one that is configured (`nats.server`, BAILIWICK_NATS_SERVER), else from PATH and the
 * usual folders, else the one that set-up put into the cache. Servers before 2.9 are passed over.
 * BAILIWICK_NATS_SEARCH_PATH replaces PATH and the usual folders (empty: look nowhere).
 * @throws DependencyError when there is none.
 */
export function findNatsServer(configured?: string, env: NodeJS.ProcessEnv = process.env): string {
  const wanted = configured ?? (env.BAILIWICK_NATS_SERVER || undefined);
  if (wanted) {
    if (isProgram(wanted) && isNewEnough(natsServerVersion(wanted))) return wanted;
    throw new DependencyError(
      `nats.server (BAILIWICK_NATS_SERVER) is ${wanted}, which is no nats-server of version ${MIN_VERSION.join(".")} or later that this user may run: correct the path, or remove the setting and run: npm run setup`,
    );
  }
  const folders =
    env.BAILIWICK_NATS_SEARCH_PATH !== undefined
      ? env.BAILIWICK_NATS_SEARCH_PATH.split(delimiter)
      : [...(env.PATH ?? "").split(delimiter), ...USUAL_FOLDERS];
  for (const folder of new Set([...folders, join(cacheDir(env), "nats-server")])) {
    const path = join(folder, "nats-server");
    if (folder && isProgram(path) && isNewEnough(natsServerVersion(path))) return path;
  }
  throw new DependencyError("nats-server was not found: run npm run setup, which fetches it into the cache");
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

/**
 * What several copies are worth with this version; undefined when nothing is known against it. `bench/chaos/server-copies.ts`
 * shows it without our code.
 */
export function copiesRisk(version: string): { readonly what: string; readonly mend: string } | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 2 || (major === 2 && minor >= 10)) return undefined;
  return {
    what: `the copies that nats-server ${version} keeps come apart when one of its servers is killed: nodes then see different logs, and conversations get stuck`,
    mend: "update those servers to 2.10.29 or later, or set log.replicas to 1",
  };
}
