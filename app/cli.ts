/** `bin/bailiwick`: puts the commands of all rooms together, runs one, and turns errors into exit codes. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import picocolors from "picocolors";
import { asset } from "../runtime/config/paths.ts";
import { contributors } from "./commands.ts";
import { asEngine, wantsEngine } from "./engine-process.ts";
import { type CommonFlags, TerminalEnv } from "./env.ts";

/** Builds the command line around an environment. */
export function buildProgram(env: TerminalEnv): Command {
  const { version } = JSON.parse(readFileSync(asset("package.json"), "utf8")) as { version: string };
  const program = new Command("bailiwick")
    .description("A support desk on your own machines.")
    .version(version)
    .option("--config <file>", "configuration file (bailiwick.yaml in the working directory)")
    .option("--data-dir <dir>", "data directory (./.bailiwick)")
    .option("--workspace <name>", "tenant (main)")
    .option("--json", "one JSON document on stdout, nothing else")
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .showHelpAfterError("(with --help it says how it is used)")
    .exitOverride()
    .hook("preAction", (_program, command) => env.apply(command.optsWithGlobals<CommonFlags>()));
  for (const contribute of contributors) contribute(program, env);
  inheritSettings(program);
  return program;
}

/** Commander copies settings at creation only, and not to commands that are added ready-made. */
function inheritSettings(parent: Command): void {
  for (const child of parent.commands) {
    child.copyInheritedSettings(parent);
    inheritSettings(child);
  }
}

/**
 * Runs a command line and answers the exit code. `args` are without node and script.
 * @param entry the script, where it may be started again in a process of its own
 */
export async function main(args: readonly string[], entry?: string): Promise<number> {
  if (entry !== undefined && wantsEngine(args)) return asEngine(entry, args);
  if (!process.stdout.listeners("error").includes(endWithReader)) process.stdout.on("error", endWithReader);
  const env = new TerminalEnv();
  try {
    await buildProgram(env).parseAsync(args, { from: "user" });
    return env.exitCode;
  } catch (error) {
    return report(error);
  }
}

/** `bailiwick trace … | head` ends the reader first, which is no error. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
}

function report(error: unknown): number {
  // Commander has said what is wrong already, or has shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { message, exitCode, stack } = error as { message?: string; exitCode?: unknown; stack?: string };
  const colors = picocolors.createColors(process.stderr.isTTY === true && picocolors.isColorSupported);
  process.stderr.write(`${colors.red("error:")} ${message ?? String(error)}\n`);
  if (process.env.BAILIWICK_DEBUG && stack) process.stderr.write(`${colors.dim(stack)}\n`);
  return typeof exitCode === "number" ? exitCode : 1;
}
