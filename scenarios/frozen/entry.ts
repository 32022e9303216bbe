/** Threads and processes run compiled files only; from the sources they are those of the build. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @param name of an entry in this folder, without its ending @throws when there is no build */
export function entryOf(name: string): string {
  const isBuilt = import.meta.url.endsWith(".js");
  const place = isBuilt ? `./${name}.js` : `../../dist/scenarios/frozen/${name}.js`;
  const file = fileURLToPath(new URL(place, import.meta.url));
  if (!existsSync(file)) throw new Error(`${file} is not there: build first with \`npm run setup\``);
  return file;
}
