/** `bench soak`: a desk under steady load for half an hour takes no more at its end than after its warm-up. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { printed } from "../printed.ts";

interface Flags {
  readonly minutes: string;
  readonly rate: string;
}

/** For the error to be written, ms. */
const LEAVE_MS = 1_000;

export function addSoak(bench: Command, env: CliEnv): void {
  bench
    .command("soak")
    .description("a desk under steady load: memory, handles and timers stay flat after the warm-up")
    .option("--minutes <n>", "how long", "30")
    .option("--rate <n>", "conversations that begin each second, of about three turns", "15")
    .action(async (flags: Flags, command: Command) => {
      const { UsageError } = await import("../../runtime/config/errors.ts");
      const number = (name: keyof Flags): number => {
        const value = Number(flags[name]);
        if (value > 0) return value;
        throw new UsageError(`--${name} ${flags[name]}: a number above 0`);
      };
      const seconds = number("minutes") * 60;
      const rate = number("rate");
      const { report } = await import("../report.ts");
      const { soak } = await import("./soak.ts");
      const progress = env.progress("bench soak:");
      try {
        const done = await soak({
          seconds,
          rate,
          onSecond: (second, conversations) =>
            progress.update(`${conversations} conversations`, Math.min(second, seconds), seconds),
        });
        progress.end();
        const round = (value: number): number => Math.round(value * 10) / 10;
        const result = report([
          { name: "soak.turns", unit: "turns/s", value: round(done.turns / seconds) },
          {
            name: "soak.failed",
            unit: "conversations",
            value: done.failed,
            budget: 0,
            held: done.failed === 0,
          },
          ...done.measures.flatMap(({ name, unit, flatness }) =>
            flatness
              ? [
                  {
                    name: `soak.${name}`,
                    unit,
                    value: round(flatness.after),
                    baseline: round(flatness.before),
                    ratio: Math.round((flatness.after / flatness.before) * 1_000) / 1_000,
                    held: flatness.flat,
                  },
                ]
              : [],
          ),
        ]);
        for (const failure of done.failures) env.err(failure);
        await printed(env, command, result);
      } catch (error) {
        // Customers who are under way would go on looking for a desk that is gone.
        setTimeout(() => process.exit(), LEAVE_MS).unref();
        throw error;
      } finally {
        progress.end();
      }
    });
}
