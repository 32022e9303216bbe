/** Files of scenarios and recordings. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../runtime/config/errors.ts";

/** The file itself, or those of a folder, in depth and sorted, whose names end so. @throws UsageError when there is none at the path */
export function filesOf(path: string, suffix: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new UsageError(`${path} does not exist`);
  if (!stat.isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .flatMap((entry) => {
      const inner = join(path, entry.name);
      if (entry.isDirectory()) return filesOf(inner, suffix);
      return entry.name.endsWith(suffix) ? [inner] : [];
    })
    .sort();
}
