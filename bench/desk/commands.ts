/** `bench desk`. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import type { Config } from "../../runtime/config/schema.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { profileNamed, wholeNumber } from "../flags.ts";
import { printed } from "../printed.ts";
import type { BenchResult } from "../report.ts";
import type { DeskBenchOptions, DeskBenchResult } from "./desk.ts";

interface Flags {
  readonly profile: string;
  readonly rate?: string;
  readonly conversations?: string;
  readonly seconds?: string;
  readonly budgets?: string;
}

const PROFILES: Readonly<Record<string, Omit<DeskBenchOptions, "onProgress">>> = {
  full: { conversations: 500, rate: 50, seconds: 60, warmUpSeconds: 20, rampSeconds: 15 },
  quick: { conversations: 12, rate: 4, seconds: 5, warmUpSeconds: 1, rampSeconds: 0 },
};

export function addDesk(bench: Command, env: CliEnv): void {
  bench
    .command("desk")
    .description(
      "a desk under customers who write at a fixed rate, whatever it does; where it stops keeping up",
    )
    .option(
      "--profile <name>",
      "full (500 conversations, 50 turns a second, held to budgets) or quick (without)",
      "full",
    )
    .option("--rate <n>", "turns of customers a second")
    .option("--conversations <n>", "that are live at any time")
    .option("--seconds <n>", "that count")
    .option("--budgets <file>", "other budgets than those of the project")
    .action(async (flags: Flags, command: Command) => {
      const profile = profileNamed(PROFILES, flags.profile);
      const { holdAgainst, readBudgets } = await import("../budgets.ts");
      const budgets = readBudgets(flags.budgets);
      const { benchDesk } = await import("./desk.ts");
      const { report, tidy } = await import("../report.ts");
      const progress = env.progress("bench desk:");
      let result: DeskBenchResult;
      const given = (name: "rate" | "conversations" | "seconds"): number =>
        flags[name] === undefined ? profile[name] : wholeNumber(name, flags[name]);
      const rate = given("rate");
      try {
        result = await benchDesk({
          ...profile,
          settings: modelOf(env.config()),
          rate,
          conversations: given("conversations"),
          seconds: given("seconds"),
          onProgress: (what, done, all) => progress.update(what, done, all),
        });
      } finally {
        progress.end();
      }
      const held = flags.profile === "full" ? holdAgainst(budgets.desk, result.stages) : [];
      const rows: BenchResult[] = [
        { name: "desk.rate", unit: "turns/s", value: result.achieved, baseline: rate },
        { name: "desk.live", unit: "conversations", value: result.live },
        { name: "desk.failed", unit: "turns", value: result.failed, budget: 0, held: result.failed === 0 },
        ...Object.entries(result.stages).map(([stage, { p50, p95, p99 }]): BenchResult => {
          const own = held.filter((each) => each.stage === stage);
          return {
            name: `desk.${stage}`,
            unit: "ms (p95)",
            value: p95,
            p50,
            p95,
            p99,
            ...(own.length > 0 ? { held: own.every((each) => each.held) } : {}),
          };
        }),
        { name: "desk.cpu", unit: "processors", value: result.process.cpu },
        { name: "desk.resident", unit: "MiB", value: result.process.residentMiB },
        ...(result.process.loopDelayMs === undefined
          ? []
          : [{ name: "desk.loop-delay", unit: "ms (p99)", value: result.process.loopDelayMs }]),
        ...result.ramp.map(
          ({ rate: at, achieved, turn, failed, kept }): BenchResult => ({
            name: `desk.ramp.${at}`,
            unit: "turns/s",
            value: achieved,
            ...(turn ? { p50: turn.p50, p95: turn.p95, p99: turn.p99 } : {}),
            baseline: kept && failed === 0 ? at : undefined,
          }),
        ),
        ...(result.knee === undefined ? [] : [{ name: "desk.knee", unit: "turns/s", value: result.knee }]),
      ];
      await printed(env, command, report(rows.map(tidy)), { json: { budgets: held } });
    });
}

/** The model that is configured, and whether it leads; a desk without one is measured otherwise. */
function modelOf({ model, agentic }: Config): JsonObject {
  if (model.provider === "none") return {};
  return JSON.parse(JSON.stringify({ model, agentic })) as JsonObject;
}
