/** Where things lie: the package, its assets, the cache. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

function findRoot(from: string): string {
  for (let dir = from; ; dir = dirname(dir)) {
    try {
      if (JSON.parse(readFileSync(join(dir, "package.json"), "utf8")).name === "bailiwick") return dir;
    } catch {
      // Not here: look further up.
    }
    if (dirname(dir) === dir)
      throw new Error(`no package.json of bailiwick above ${from}: the installation is damaged`);
  }
}

/** The folder of package.json, whether the code runs from the sources or from dist/. */
export const projectRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)));

/**
 * A file that is shipped beside the sources (YAML, Markdown, HTML …), by its path in the repository:
 * `asset("actors/playbooks/library/order-status.yaml")`. Assets are read from there and not copied into dist/.
 */
export function asset(...path: string[]): string {
  return join(projectRoot, ...path);
}

/**
 * What set-up downloaded and built (nats-server, encoder models, npm's cache). It can be deleted at any time; the next
 * set-up makes it again. BAILIWICK_CACHE_DIR moves it.
 */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.BAILIWICK_CACHE_DIR ? resolve(env.BAILIWICK_CACHE_DIR) : join(projectRoot, ".bailiwick-cache");
}
