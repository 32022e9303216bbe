/** Compiles the sources to dist/. Other files (YAML, Markdown, HTML) are read from where they are. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./places.mjs";
import { run } from "./shell.mjs";
import { hashOf, isStamped, stamp, unstamp } from "./stamps.mjs";
import { SetupError } from "./steps.mjs";

export const rooms = ["runtime", "supervisors", "memory", "actors", "scenarios", "bench", "console", "app"];

export async function build(say) {
  const sources = hashOf([...rooms, "tsconfig.json", "package-lock.json"], (path) =>
    /\.(ts|json)$/.test(path),
  );
  if (existsSync(join(root, "dist/app/cli.js")) && isStamped("build", sources)) return { skipped: true };
  unstamp("build");
  say("compiling");
  // What a removed source left in dist/ must not be run by mistake.
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const result = await run(process.execPath, [tsc, "-p", root], { cwd: root });
  if (result.code !== 0) {
    throw new SetupError(
      "the sources do not compile",
      [`tsc -p .\n${result.output.trim()}`],
      "correct what the compiler names",
    );
  }
  stamp("build", sources);
  return {};
}
