/** Where the `nats-server` binary is. Set-up writes the path that it found or unpacked into the cache. */
import { accessSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

export class ServerNotFoundError extends Error {
  override readonly name = "ServerNotFoundError";
}

export interface FindServerOptions {
  /** Default `BAILIWICK_CACHE_DIR`, else `.bailiwick-cache` in the working directory. */
  readonly cacheDir?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Distributions put servers where an ordinary user's PATH does not look. */
const USUAL_FOLDERS = ["/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/bin"];

/**
 * Looks at `BAILIWICK_NATS_SERVER`, PATH and the usual folders, then the cache.
 * @throws ServerNotFoundError naming everything that was looked at.
 */
export function findNatsServer(options: FindServerOptions = {}): string {
  const env = options.env ?? process.env;
  const named = env.BAILIWICK_NATS_SERVER;
  if (named) {
    if (executable(named)) return resolve(named);
    throw new ServerNotFoundError(
      `BAILIWICK_NATS_SERVER names ${named}, which is no executable file: correct it or unset it`,
    );
  }
  const folders = [...(env.PATH ?? "").split(delimiter).filter(Boolean), ...USUAL_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, "nats-server");
    if (executable(path)) return path;
  }
  const cache = resolve(options.cacheDir ?? env.BAILIWICK_CACHE_DIR ?? ".bailiwick-cache");
  const cached = inCache(cache);
  if (cached) return cached;
  throw new ServerNotFoundError(
    `nats-server was not found: not in PATH, ${USUAL_FOLDERS.join(", ")} or ${cache}. ` +
      "Run `npm run setup`, install it (Debian: apt install nats-server), or set BAILIWICK_NATS_SERVER to its path",
  );
}

function inCache(cache: string): string | undefined {
  try {
    const noted = readFileSync(join(cache, "nats-server.path"), "utf8").trim();
    if (noted && executable(noted)) return noted;
  } catch {
    // Nothing noted; look at what lies there.
  }
  let names: string[];
  try {
    names = readdirSync(cache).filter((name) => name.startsWith("nats-server"));
  } catch {
    return undefined;
  }
  for (const name of names.sort().reverse()) {
    for (const below of [
      "",
      "nats-server",
      "bin/nats-server",
      "usr/sbin/nats-server",
      "usr/bin/nats-server",
    ]) {
      const path = join(cache, name, below);
      if (executable(path)) return path;
    }
  }
  return undefined;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
