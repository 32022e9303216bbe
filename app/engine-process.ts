/** Commands that run a desk or a host of their own do so in a process with the engine's arguments to Node, as a desk does. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { ENGINE_NODE_ARGUMENTS } from "../runtime/node-arguments.ts";

const COMMANDS: ReadonlySet<string> = new Set(["demo", "replay", "simulate", "fork", "gate"]);
/** A shell says so of a process that a signal has ended. */
const BY_SIGNAL = 128;

/** Whether this command line is one of those, and this process has other arguments. */
export function wantsEngine(
  args: readonly string[],
  execArgv: readonly string[] = process.execArgv,
): boolean {
  const name = args.find((arg) => !arg.startsWith("-"));
  return (
    name !== undefined && COMMANDS.has(name) && ENGINE_NODE_ARGUMENTS.some((arg) => !execArgv.includes(arg))
  );
}

/**
 * Runs the command line there, with this process's input and output, and answers its exit code. What ends this one is handed on:
 * Ctrl-C goes to both anyway, and twice in a moment counts once.
 * @param entry the file that was started
 */
export function asEngine(entry: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...ENGINE_NODE_ARGUMENTS, ...process.execArgv, entry, ...args], {
    stdio: "inherit",
  });
  const handOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGINT", handOn);
  process.on("SIGTERM", handOn);
  return new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? BY_SIGNAL + constants.signals[signal!]));
  }).finally(() => {
    process.off("SIGINT", handOn);
    process.off("SIGTERM", handOn);
  });
}
