/** `demo`. */
import type { Contributor } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { count, zeroOrMore } from "../flags.ts";

/**
 * Enough for V8 to have compiled what a desk under load runs, as it has on one that has been open for a while. On 2 cores the p95 of a turn
 * was 311 to 369 ms after 240 conversations, 244 after 600, 233 and 234 after 1,200.
 */
const WARM_UP = 600;

interface DemoFlags {
  readonly input?: string;
  readonly limit?: number;
  readonly attach?: string;
  readonly keep?: string;
  readonly concurrency?: number;
  readonly warmUp: number;
  readonly break?: string;
  readonly seed: number;
  readonly transcripts?: string;
}

const AT_ONCE = 20;

export const commands: Contributor = (program, env) => {
  program
    .command("demo")
    .description("drive recorded customers through a fresh desk or a running one; outcomes, facts, latency")
    .option("--input <file>", "recorded runs as JSON lines, instead of the shipped scenarios")
    .option("--limit <n>", "only so many of them", count)
    .option("--attach <url>", "a running desk instead of a fresh one")
    .option("--keep <dir>", "keep the data of the fresh desk in this folder")
    .option("--concurrency <n>", "conversations at once (20; with --attach 4)", count)
    .option("--warm-up <n>", "other conversations before the ones that count", zeroOrMore, WARM_UP)
    .option("--break <what>", "facts: spoil one reply of ten, and see whether the checker finds it")
    .option("--seed <n>", "for what is drawn by lot", count, 1)
    .option(
      "--transcripts <file>",
      "write each conversation with its judgement into this file, as JSON lines",
    )
    .action(async (flags: DemoFlags) => {
      if (flags.break !== undefined && flags.break !== "facts") {
        throw new UsageError(`--break ${flags.break} is not known: there is --break facts`);
      }
      const concurrency = flags.concurrency ?? AT_ONCE;
      const breakFacts = flags.break === "facts";
      if (flags.input !== undefined) {
        if (flags.attach)
          throw new UsageError("--input needs a desk that serves that company: leave --attach out");
        const { demoRecorded } = await import("./recorded.ts");
        await demoRecorded(env, { ...flags, concurrency, input: flags.input, breakFacts });
        return;
      }
      if (breakFacts) throw new UsageError("--break facts needs --input FILE");
      if (flags.attach !== undefined) {
        if (flags.keep)
          throw new UsageError("--keep is for a fresh desk: a running one keeps its data anyway");
        const { demoAttached } = await import("./attach.ts");
        await demoAttached(env, { ...flags, attach: flags.attach });
        return;
      }
      const { demoShop } = await import("./shop.ts");
      await demoShop(env, { ...flags, concurrency });
    });
};
