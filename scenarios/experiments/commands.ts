/** `experiment size|compare|check`. */
import type { Contributor } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { finite, share } from "./numbers.ts";

interface Numbers {
  readonly base: string;
  readonly effect: string;
  readonly power: string;
  readonly level: string;
}

export const commands: Contributor = (program, env) => {
  const experiment = program
    .command("experiment")
    .description("compare two arms, in a way that may be looked at any time");
  experiment
    .command("size")
    .description("how many customers it takes to find an effect on a rate")
    .requiredOption("--base <rate>", "share of customers of whom it is so now, such as 0.6")
    .requiredOption("--effect <difference>", "what is to be found, such as 0.05")
    .option("--power <share>", "how likely it is to be found if it is there", "0.8")
    .option("--level <share>", "experiments without an effect in which one is found", "0.05")
    .action(async (flags: Numbers) => {
      const { base, effect, power, level } = numbers(flags);
      const { sampleSize } = await import("./size.ts");
      const later = base + effect;
      const variance = Math.max(base * (1 - base), later * (1 - later));
      const size = sampleSize({ effect, variance, power, level });
      env.out({ size }, () => `${size} customers in each arm`);
    });
  experiment
    .command("compare <a> <b>")
    .description("recordings of two arms: resolved, handed over, messages, each with its interval")
    .option("--level <share>", "experiments without an effect in which one is found", "0.05")
    .action(async (a: string, b: string, flags: { level: string }) => {
      const { compareArms } = await import("./arms.ts");
      const { recordingFiles } = await import("../recording/files.ts");
      const { readRecordings } = await import("../recording/read.ts");
      const level = share("level", flags.level);
      async function* of(path: string) {
        for (const file of recordingFiles([path])) yield* readRecordings(file);
      }
      const compared = await compareArms(of(a), of(b), { level });
      const result = compared.map((each) => ({ ...each, low: finite(each.low), high: finite(each.high) }));
      const round = (value: number): string => value.toFixed(3);
      env.out({ measures: result }, () =>
        compared
          .map(({ measure, a: x, b: y, difference, low, high, found }) => {
            const arms = `${round(x.mean)} of ${x.count} and ${round(y.mean)} of ${y.count}`;
            if (!Number.isFinite(low)) return `${measure}: ${arms}: too few to say`;
            return `${measure}: ${arms}: ${found ? "differ" : "no difference found"}, ${round(difference)} (${round(low)} to ${round(high)})`;
          })
          .join("\n"),
      );
    });
  experiment
    .command("check")
    .description(
      "whether the test keeps what it promises: experiments without and with an effect, from seeds",
    )
    .option("--seeds <n>", "so many", "200")
    .option("--base <rate>", "share of customers of whom it is so", "0.6")
    .option("--effect <difference>", "what is planted", "0.08")
    .option("--power <share>", "that its size is promised for", "0.8")
    .option("--level <share>", "that it is looked at", "0.05")
    .action(async (flags: Numbers & { seeds: string }) => {
      const { runTrials } = await import("./trials.ts");
      const seeds = Number(flags.seeds);
      if (!Number.isInteger(seeds) || seeds < 1)
        throw new UsageError(`--seeds ${flags.seeds}: a whole number from 1 on`);
      const trials = runTrials({ seeds, ...numbers(flags) });
      const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
      env.out(trials, () =>
        [
          `${seeds} experiments each, looked at every 25 customers, up to ${trials.size} in each arm`,
          `without an effect, one was found in ${percent(trials.falseAlarms)}`,
          `with the effect that was promised, it was found in ${percent(trials.found)}, after ${trials.foundAfter} in each arm on average`,
        ].join("\n"),
      );
    });
};

function numbers({ base, effect, power, level }: Numbers) {
  const difference = Number(effect);
  const rate = share("base", base);
  if (!(rate + difference > 0 && rate + difference < 1) || difference === 0)
    throw new UsageError(`--effect ${effect}: with the base it has to come to a rate between 0 and 1`);
  return { base: rate, effect: difference, power: share("power", power), level: share("level", level) };
}
