/** Installs what package-lock.json names, development tools too: the build and the encoder need them. */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { cache, root } from "./places.mjs";
import { reason, run } from "./shell.mjs";
import { hashOf, isStamped, stamp, unstamp } from "./stamps.mjs";
import { SetupError } from "./steps.mjs";

/** The environment for npm: without a home that can be written, its cache goes into ours. */
export function npmEnvironment(env = process.env) {
  const home = env.HOME ?? safeHome();
  let usable = Boolean(home);
  try {
    accessSync(existsSync(join(home, ".npm")) ? join(home, ".npm") : home, constants.W_OK | constants.X_OK);
  } catch {
    usable = false;
  }
  // What `npm start` was started with has npm's own settings in its environment; a cache that it names may not exist.
  const named = Object.keys(env).find((key) => key.toLowerCase() === "npm_config_cache");
  if (usable && (!named || isWritable(env[named]))) return { ...env };
  const copy = { ...env, HOME: usable ? home : cache, npm_config_cache: join(cache, "npm") };
  if (named && named !== "npm_config_cache") delete copy[named];
  return copy;
}

function safeHome() {
  try {
    return homedir();
  } catch {
    return "";
  }
}

function isWritable(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export async function installDependencies(say) {
  const hash = hashOf(["package.json", "package-lock.json", ".npmrc"]);
  if (existsSync(join(root, "node_modules/zod/package.json")) && isStamped("dependencies", hash))
    return { skipped: true };
  unstamp("dependencies");
  say("npm ci (about a minute, 480 MB)");
  // Packages with compiled parts ship them; install scripts are not needed, and are left out everywhere alike.
  // NODE_ENV=production would leave the tools out that build the desk.
  const args = ["ci", "--include=dev", "--include=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  const result = await run("npm", args, { cwd: root, env: npmEnvironment(), timeoutMs: 1_200_000 });
  if (result.code !== 0) {
    throw new SetupError(
      "the dependencies could not be installed",
      [`npm ${args.join(" ")}: ${reason(result)}`],
      `see that the npm registry can be reached (npm ping) and that ${root} can be written, then in that folder: npm ${args.join(" ")}`,
    );
  }
  await checkCompiledParts();
  stamp("dependencies", hash);
  return {};
}

/** Loads the packages with compiled parts, in a process of its own: a wrong one may crash it. */
async function checkCompiledParts() {
  for (const name of ["classic-level", "sharp", "onnxruntime-node"]) {
    const result = await run(process.execPath, ["-e", `require(${JSON.stringify(name)})`], {
      cwd: root,
      timeoutMs: 60_000,
    });
    if (result.code === 0) continue;
    throw new SetupError(
      `the package ${name} cannot be loaded on this machine (${process.platform} ${process.arch})`,
      [`require("${name}"): ${reason(result)}`],
      "use a platform that it ships for: Linux with glibc 2.28 or later, or macOS, on x64 or arm64",
    );
  }
}
