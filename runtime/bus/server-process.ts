/**
 * The server's process. It is started through a guard, a few lines of `sh` that hold the read end of a pipe whose write
 * end is ours: when this process is gone, however it went, the pipe ends and the guard stops the server. Both run in a
 * session of their own, so that Ctrl-C in a terminal reaches us alone and the server outlives the drain.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { processCommand, processIdentity } from "./owner.ts";
import { type ServerPaths, ServerStartError } from "./server-config.ts";

/** How long the guard waits between asking the server to stop and killing it, tenths of a second. */
const GUARD_PATIENCE = 50;

const GUARD = `
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(
  read -r _ <&3
  kill -TERM $server 2>/dev/null
  i=0
  while [ $i -lt ${GUARD_PATIENCE} ] && kill -0 $server 2>/dev/null; do sleep 0.1; i=$((i+1)); done
  kill -KILL $server 2>/dev/null
) 2>/dev/null &
watcher=$!
wait $server
code=$?
kill $watcher 2>/dev/null
exit $code
`;

export interface ProcessExit {
  /** Exit status; above 128 it is 128 + the number of the signal that ended the server. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ServerProcess {
  readonly exited: Promise<ProcessExit>;
  readonly #guard: ChildProcess;
  readonly #paths: ServerPaths;
  #stderr = "";
  #exit: ProcessExit | undefined;

  constructor(binary: string, paths: ServerPaths, cwd: string) {
    this.#paths = paths;
    rmSync(paths.pid, { force: true });
    this.#guard = spawn("/bin/sh", ["-c", GUARD, "nats-guard", binary, "--config", paths.config], {
      cwd,
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
      env: { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin" },
    });
    this.#guard.stdin?.on("error", () => {});
    this.#guard.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4_000);
    });
    this.exited = new Promise((resolve) => {
      const done = (exit: ProcessExit) => {
        if (this.#exit) return;
        this.#exit = exit;
        // Should only the guard have been killed, this ends the pipe and so the server.
        this.#guard.stdin?.destroy();
        resolve(exit);
      };
      this.#guard.once("error", (error) => {
        this.#stderr += `\n${error.message}`;
        done({ code: null, signal: null });
      });
      this.#guard.once("exit", (code, signal) => done({ code, signal }));
    });
  }

  get exit(): ProcessExit | undefined {
    return this.#exit;
  }

  /** Number of the server's own process, once it has written it. */
  get pid(): number | undefined {
    return readPid(this.#paths.pid);
  }

  /** Last words: what it wrote to stderr and the end of its log, without lines that only inform. */
  complaint(): string {
    let log = "";
    try {
      log = readFileSync(this.#paths.log, "utf8").slice(-8_000);
    } catch {
      // It may have died before it had a log.
    }
    const lines = `${log}\n${this.#stderr}`
      .split("\n")
      .filter((line) => /\[(FTL|ERR)\]|nats-server:|No space/.test(line));
    return lines.slice(-3).join("; ").trim() || this.#stderr.trim().split("\n").slice(-2).join("; ");
  }

  /** Asks it to stop, kills it when it has not by the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    this.#guard.stdin?.destroy();
    const timer = setTimeout(() => this.kill(), deadlineMs);
    await this.exited;
    clearTimeout(timer);
    const pid = this.pid;
    if (pid !== undefined) await endProcess(pid, this.#paths.config, 1_000);
  }

  kill(): void {
    const pid = this.pid;
    if (pid !== undefined && isServer(pid, this.#paths.config)) signal(pid, "SIGKILL");
    if (pid === undefined) this.#guard.kill("SIGKILL");
  }
}

/** Stops a server that an earlier owner of the directory left behind. */
export async function endStaleServer(paths: ServerPaths, deadlineMs: number): Promise<boolean> {
  const pid = readPid(paths.pid);
  if (pid === undefined || !isServer(pid, paths.config)) return false;
  await endProcess(pid, paths.config, deadlineMs);
  return true;
}

async function endProcess(pid: number, config: string, deadlineMs: number): Promise<void> {
  if (!isServer(pid, config)) return;
  signal(pid, "SIGTERM");
  const killAt = performance.now() + deadlineMs;
  let killed = false;
  while (isServer(pid, config)) {
    if (!killed && performance.now() >= killAt) {
      signal(pid, "SIGKILL");
      killed = true;
    }
    if (performance.now() > killAt + 10_000) {
      throw new ServerStartError(
        "failed",
        `a nats-server of an earlier run (process ${pid}) cannot be stopped: kill it`,
      );
    }
    await sleep(10);
  }
}

/** Whether the process is a server with this configuration file, and not another that was given its number. */
function isServer(pid: number, config: string): boolean {
  return processIdentity(pid) !== undefined && processCommand(pid).includes(config);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, "utf8").trim());
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** `2.9.10`. @throws ServerStartError when the file is missing or does not run. */
export function serverVersion(binary: string): string {
  const run = spawnSync(binary, ["--version"], { encoding: "utf8", timeout: 10_000 });
  const version = /v?(\d+\.\d+\.\d+\S*)/.exec(run.stdout ?? "")?.[1];
  if (version) return version;
  const why = run.error
    ? (run.error as NodeJS.ErrnoException).code
    : `exit ${run.status}: ${run.stderr?.slice(0, 200)}`;
  throw new ServerStartError(
    "binary",
    `${binary} does not run as a nats-server (${why}): run \`npm run setup\`, or set BAILIWICK_NATS_SERVER to a working one`,
  );
}
