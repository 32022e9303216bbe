/** For tests that need a process of their own (to be killed, say): compiles a TypeScript file so that Node runs it. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export interface CompiledProgram {
  /** Path of the JavaScript file. */
  readonly file: string;
  remove(): void;
}

/** Compiles `entry` (a path from the root of the project) and all that it imports. Types are not checked. */
export async function compileForNode(entry: string): Promise<CompiledProgram> {
  // Beneath node_modules, so that bare imports resolve and nothing looks at it.
  const cache = join(ROOT, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(join(cache, "bw-test-"));
  writeFileSync(join(dir, "package.json"), '{"type":"module"}');
  const config = join(dir, "tsconfig.json");
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(ROOT, "tsconfig.json"),
      compilerOptions: { outDir: dir, rootDir: ROOT, noCheck: true, sourceMap: false, noEmit: false },
      files: [join(ROOT, entry)],
      include: [],
      exclude: [],
    }),
  );
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const output = await new Promise<string>((done) => {
    const child = spawn(process.execPath, [tsc, "-p", config], { stdio: ["ignore", "pipe", "pipe"] });
    let all = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (s) => (all += s));
    child.once("close", (code) => done(code === 0 ? "" : all || `exit ${code}`));
  });
  if (output) throw new Error(`cannot compile ${entry}: ${output}`);
  return {
    file: join(dir, entry.replace(/\.ts$/, ".js")),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
