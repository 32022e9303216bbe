/** Stamps in the cache: a step that was done for the same content is not done again. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { cache, root } from "./places.mjs";

/** SHA-256 over names and contents of files and of everything in folders, as `filter` lets it through. */
export function hashOf(paths, filter = () => true) {
  const hash = createHash("sha256")
    .update(process.versions.modules)
    .update(process.platform)
    .update(process.arch);
  const visit = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      for (const name of readdirSync(path).sort()) visit(join(path, name));
    } else if (stat?.isFile() && filter(path)) {
      hash.update(`\0${relative(root, path)}\0`).update(readFileSync(path));
    }
  };
  for (const path of paths) visit(join(root, path));
  return hash.digest("hex");
}

// The same cache may serve several clones, so stamps carry the place that they speak of.
const file = (name) =>
  join(cache, "stamps", `${name}-${createHash("sha256").update(root).digest("hex").slice(0, 12)}`);

export function isStamped(name, hash) {
  try {
    return readFileSync(file(name), "utf8") === hash;
  } catch {
    return false;
  }
}

export function stamp(name, hash) {
  mkdirSync(join(cache, "stamps"), { recursive: true });
  writeFileSync(file(name), hash);
}

export function unstamp(name) {
  rmSync(file(name), { force: true });
}
