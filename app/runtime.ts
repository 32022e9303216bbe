/** The runtime process: one desk from its start to the end of its drain. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { CliEnv } from "../runtime/config/cli.ts";
import { fullDisk, START_FREE_BYTES } from "../runtime/config/disk.ts";
import { DependencyError } from "../runtime/config/errors.ts";
import { asset } from "../runtime/config/paths.ts";
import { joinWatchdog } from "../supervisors/index.ts";
import { Desk } from "./desk.ts";

/** Runs until it is told to stop; answers when everything has stopped. @throws what kept it from starting */
export async function runNode(env: CliEnv, name: string): Promise<void> {
  // First of all: from the first heartbeat on a silence is a stall.
  const link = joinWatchdog();
  const stop = env.signal();
  const progress = env.progress("starting:");
  const { version } = JSON.parse(readFileSync(asset("package.json"), "utf8")) as { version: string };
  try {
    const desk = await Desk.start({
      config: env.config(),
      name,
      version,
      signal: stop,
      progress: (text) => progress.update(text),
    }).catch((error) => {
      if (!stop.aborted) throw error;
      progress.end();
      env.err("stopped before it was open");
      // What is still being opened can't be interrupted, and has nothing to finish.
      process.exit(130);
    });
    progress.end();
    link.ready();
    greet(env, desk);
    const failure = await Promise.race([
      desk.ended,
      new Promise<undefined>((resolve) => {
        if (stop.aborted) resolve(undefined);
        stop.addEventListener("abort", () => resolve(undefined), { once: true });
      }),
    ]);
    if (stop.aborted) env.err("draining: what is under way is finished, nothing new is taken");
    await desk.stop();
    if (failure) throw explained(failure, desk.dir.path);
  } finally {
    progress.end();
    link.leave();
  }
}

/** What a full disk ends with has many names; the one that helps is the disk. */
function explained(failure: Error, dir: string): Error {
  const full = fullDisk(dir, START_FREE_BYTES);
  return full ? new DependencyError(full, { cause: failure }) : failure;
}

/** Flags that a command needs to find this desk, where it is not the one that they find by themselves. */
function toFindIt(env: CliEnv): string {
  const { sources, file } = env.loaded();
  const source = sources.get("dataDir");
  const found = source === undefined || (file === resolve("bailiwick.yaml") && source.startsWith(file));
  return found ? "" : ` --data-dir ${quoted(env.dataDir())}`;
}

function quoted(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function greet(env: CliEnv, desk: Desk): void {
  const { colors } = env;
  const find = toFindIt(env);
  const lines = [
    `${colors.green("the desk is open")} on ${colors.bold(desk.url)}`,
    "",
    `  in a browser    ${desk.url}/`,
    `  in a terminal   bin/bailiwick chat${find}`,
    `  as an operator  bin/bailiwick status${find}    ${colors.dim(`(admin token: ${desk.dir.adminTokenFile})`)}`,
    ...desk.notes.map((note) => `  ${note}`),
    `  log             ${colors.dim(desk.logFile)}`,
    "",
    colors.dim("Ctrl-C drains and stops it."),
  ];
  env.out({ url: desk.url, pid: process.pid, dataDir: desk.dir.path }, lines.join("\n"));
}
