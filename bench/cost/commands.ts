/** `bench cost`: what a turn costs, and what a cluster carries by that. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { profileNamed, wholeNumber } from "../flags.ts";
import { reported } from "../reported.ts";
import type { CostOptions } from "./cost.ts";

interface Flags {
  readonly profile: string;
  readonly cores: string;
}

const PROFILES: Readonly<Record<string, Omit<CostOptions, "onProgress">>> = {
  full: { conversations: 40, turns: 10, parts: 5 },
  quick: { conversations: 4, turns: 3, parts: 3 },
};

export function addCost(bench: Command, env: CliEnv): void {
  bench
    .command("cost")
    .description(
      "records, bytes and processor time of a turn, as conversations grow; what three nodes carry by that",
    )
    .option("--profile <name>", "full (half a minute) or quick", "full")
    .option("--cores <n>", "processors of each of the three nodes", "8")
    .action(async (flags: Flags, command: Command) => {
      const profile = profileNamed(PROFILES, flags.profile);
      const cores = wholeNumber("cores", flags.cores);
      const { measureCost } = await import("./cost.ts");
      const { costRows } = await import("./rows.ts");
      const { report } = await import("../report.ts");
      await reported(command, env, async (onStage) => {
        const costs = await measureCost({
          ...profile,
          onProgress: (what, done, all) => onStage(done === undefined ? what : `${what}: ${done} of ${all}`),
        });
        return report(costRows(costs, cores));
      });
    });
}
