/** `bench rehydration`: whether a machine behaves the same when it is put away and restored at every step. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { wholeNumber } from "../flags.ts";

interface Flags {
  readonly machines: string;
  readonly seed?: string;
  /** A folder, or false for none. */
  readonly scion?: string | false;
}

export function addRehydration(bench: Command, env: CliEnv): void {
  bench
    .command("rehydration")
    .description("random machines and SCION's cases, kept alive and restored at every step")
    .option("--machines <n>", "random machines", "500")
    .option("--seed <seed>", "what they are made from (a new one each time)")
    .option("--scion <dir>", "where @scion-scxml/test-framework lies (.bailiwick-cache/scion)")
    .option("--no-scion", "random machines only")
    .action(async (flags: Flags) => {
      const machines = wholeNumber("machines", flags.machines);
      const { readScion } = await import("./scion.ts");
      const scion = flags.scion === false ? undefined : readScion(flags.scion);
      const { randomInt } = await import("node:crypto");
      const seed = flags.seed ?? String(randomInt(1e9));
      const { compareMachines } = await import("./machines.ts");
      const { compareCases } = await import("./cases.ts");
      const { rehydrationReport, renderRehydration } = await import("./report.ts");
      const progress = env.progress(`bench rehydration, seed ${seed}:`);
      const onMachine = (done: number): void => {
        if (done % 10 === 0) progress.update("random machines", done, machines);
      };
      try {
        const random = compareMachines({ seed, machines, onMachine });
        const report = rehydrationReport(seed, random, scion && compareCases(scion));
        progress.end();
        env.out(report, () => renderRehydration(report));
        if (report.failures.length > 0) env.fail();
      } finally {
        progress.end();
      }
    });
}
