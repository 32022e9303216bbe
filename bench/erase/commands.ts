/** `bench erase`: one customer of many is erased while the others write; nothing is left of him, and all of them. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { wholeNumber } from "../flags.ts";
import { printed } from "../printed.ts";

interface Flags {
  readonly customers: string;
  readonly writers: string;
  readonly seed: string;
  readonly keep?: string;
}

/** For the error to be written, ms. */
const LEAVE_MS = 1_000;

export function addErase(bench: Command, env: CliEnv): void {
  bench
    .command("erase")
    .description(
      "one of many customers is erased under load: nothing of him is found, also in what a backup restores",
    )
    .option("--customers <n>", "customers whom the desk knows", "5000")
    .option("--writers <n>", "of them who write meanwhile", "8")
    .option("--seed <n>", "of what they say, and who is erased", "1")
    .option("--keep <dir>", "keep the desk's data, the archive and what was restored in this folder")
    .action(async (flags: Flags, command: Command) => {
      const { report, tidy } = await import("../report.ts");
      const { benchErase } = await import("./erase.ts");
      const progress = env.progress("bench erase:");
      try {
        const { results, receipt, failures } = await benchErase({
          customers: wholeNumber("customers", flags.customers, 3),
          writers: wholeNumber("writers", flags.writers),
          seed: wholeNumber("seed", flags.seed, 0),
          keep: flags.keep,
          onStage: (stage, done, all) => progress.update(stage, done, all),
        });
        progress.end();
        const told = `receipt: ${JSON.stringify(receipt, null, 2)}`;
        await printed(env, command, report(results.map(tidy)), {
          json: { receipt, failures },
          lines: ["", told, ...failures.map((failure) => `failed: ${failure}`)],
        });
        if (failures.length > 0) env.fail();
      } catch (error) {
        // Customers who are under way would go on looking for a desk that is gone.
        setTimeout(() => process.exit(), LEAVE_MS).unref();
        throw error;
      } finally {
        progress.end();
      }
    });
}
