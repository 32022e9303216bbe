/** `bench desk`. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import type { Config } from "../../runtime/config/schema.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { wholeNumber } from "../flags.ts";
import { printed } from "../printed.ts";

interface Flags {
  readonly workload: string;
  readonly profile: string;
  readonly rate?: string;
  readonly conversations?: string;
  readonly seconds?: string;
  readonly budgets?: string;
}

export function addDesk(bench: Command, env: CliEnv): void {
  bench
    .command("desk")
    .description("a desk under customers who write at a fixed rate, whatever it does")
    .option(
      "--workload <name>",
      "steady (and where it stops keeping up), burst (ten times as many for a while), channels (chat, e-mail and voice), known (100,000 known customers) or tenants (a quiet one beside a noisy one)",
      "steady",
    )
    .option("--profile <name>", "full (held to budgets) or quick (a look, held to nothing)", "full")
    .option("--rate <n>", "turns of customers a second")
    .option("--conversations <n>", "that are live at any time")
    .option("--seconds <n>", "that count")
    .option("--budgets <file>", "other budgets than those of the project")
    .action(async (flags: Flags, command: Command) => {
      const { UsageError } = await import("../../runtime/config/errors.ts");
      const { readBudgets } = await import("../budgets.ts");
      const budgets = readBudgets(flags.budgets);
      const { WORKLOADS } = await import("./workloads.ts");
      const workload = Object.hasOwn(WORKLOADS, flags.workload) ? WORKLOADS[flags.workload] : undefined;
      if (!workload)
        throw new UsageError(
          `--workload ${flags.workload}: there are ${Object.entries(WORKLOADS)
            .map(([name, { says }]) => `\n  ${name}: ${says}`)
            .join("")}`,
        );
      const { encoderOptions } = await import("../../memory/encoder/index.ts");
      const { report, tidy } = await import("../report.ts");
      const progress = env.progress("bench desk:");
      const given = (name: "rate" | "conversations" | "seconds"): number | undefined =>
        flags[name] === undefined ? undefined : wholeNumber(name, flags[name]);
      const config = env.config();
      const measured = await workload
        .run(flags.profile, {
          rate: given("rate"),
          conversations: given("conversations"),
          seconds: given("seconds"),
          settings: modelOf(config),
          encoder: encoderOptions(config.encoder),
          budgets: flags.profile === "full" ? budgets : {},
          onProgress: (what, done, all) => progress.update(what, done, all),
        })
        .finally(() => progress.end());
      await printed(env, command, report(measured.rows.map(tidy)), { json: { budgets: measured.held } });
    });
}

/** The model that is configured, and whether it leads; a desk without one is measured otherwise. */
function modelOf({ model, agentic }: Config): JsonObject {
  if (model.provider === "none") return {};
  return JSON.parse(JSON.stringify({ model, agentic })) as JsonObject;
}
