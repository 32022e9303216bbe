/** `bench recovery`: a memory whose process is killed while it writes is afterwards what its stream says. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { wholeNumber } from "../flags.ts";
import { printed } from "../printed.ts";

interface Flags {
  readonly kills: string;
  readonly seed: string;
}

export function addRecovery(bench: Command, env: CliEnv): void {
  bench
    .command("recovery")
    .description("a memory is killed while it writes; afterwards it equals the fold of its stream")
    .option("--kills <n>", "how often", "30")
    .option("--seed <seed>", "what is written, and when it is killed", "1")
    .action(async ({ kills, seed }: Flags, command: Command) => {
      const count = wholeNumber("kills", kills);
      const { asset } = await import("../../runtime/config/paths.ts");
      const { report } = await import("../report.ts");
      const { recovery } = await import("./recovery.ts");
      const progress = env.progress("bench recovery:");
      try {
        let n = 0;
        const entry = asset("dist", "bench", "recovery", "writer-process.js");
        const done = await recovery({
          entry,
          kills: count,
          seed,
          onKill: ({ events, differences }) => {
            progress.update(`${events} events`, ++n, count);
            for (const each of differences) env.err(`after kill ${n}: ${each}`);
          },
        });
        progress.end();
        const last = done.at(-1)!;
        const differing = done.filter(({ differences }) => differences.length > 0).length;
        const lost = Math.max(...done.map((kill) => kill.lost));
        const interrupted = done.reduce((sum, kill) => sum + kill.interrupted, 0);
        const behind = done.filter(({ position, events }) => position < events).length;
        const result = report([
          { name: "recovery.kills", unit: "", value: done.length },
          { name: "recovery.behind", unit: "kills", value: behind },
          { name: "recovery.differing", unit: "kills", value: differing, budget: 0, held: differing === 0 },
          { name: "recovery.lost", unit: "of what was kept", value: lost, budget: 0, held: lost === 0 },
          { name: "recovery.interrupted", unit: "erasures", value: interrupted },
          { name: "recovery.acknowledged", unit: "", value: last.acknowledged },
          { name: "recovery.events", unit: "", value: last.events },
          { name: "recovery.fold", unit: "events/s", value: last.foldedPerSecond },
        ]);
        await printed(env, command, result);
      } finally {
        progress.end();
      }
    });
}
