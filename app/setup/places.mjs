/** Where set-up works. The cache can be deleted at any time; the next set-up makes it again. */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/** The same rule as `cacheDir()` in runtime/config/paths.ts. */
export const cache = process.env.BAILIWICK_CACHE_DIR
  ? resolve(process.env.BAILIWICK_CACHE_DIR)
  : join(root, ".bailiwick-cache");

/** Folder of nats-server in the cache; also known to runtime/config/nats-server.ts. */
export const natsFolder = join(cache, "nats-server");
