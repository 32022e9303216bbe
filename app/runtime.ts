/** The runtime process: one desk from its start to the end of its drain. */

import { readFileSync } from "node:fs";
import type { CliEnv } from "../runtime/config/cli.ts";
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
      progress: (text) => progress.update(text),
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
    if (failure) throw failure;
  } finally {
    progress.end();
    link.leave();
  }
}

function greet(env: CliEnv, desk: Desk): void {
  const { colors } = env;
  const lines = [
    `${colors.green("the desk is open")} on ${colors.bold(desk.url)}`,
    "",
    `  in a browser    ${desk.url}/`,
    "  in a terminal   bin/bailiwick chat",
    `  as an operator  bin/bailiwick status    ${colors.dim(`(admin token: ${desk.dir.adminTokenFile})`)}`,
    ...desk.notes.map((note) => `  ${note}`),
    `  log             ${colors.dim(desk.logFile)}`,
    "",
    colors.dim("Ctrl-C drains and stops it."),
  ];
  env.out({ url: desk.url, pid: process.pid, dataDir: desk.dir.path }, lines.join("\n"));
}
