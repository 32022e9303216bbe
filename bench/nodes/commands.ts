/** `bench nodes`: three nodes that share conversations, one killed, all started again one after the other. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { wholeNumber } from "../flags.ts";
import { printed } from "../printed.ts";

interface Flags {
  readonly known: string;
  readonly customers: string;
  readonly ttl: string;
}

export function addNodes(bench: Command, env: CliEnv): void {
  bench
    .command("nodes")
    .description("three nodes over one server: one killed, all started again one after the other")
    .option("--known <n>", "conversations that the nodes know", "2000")
    .option("--customers <n>", "customers who write, once a second each", "100")
    .option("--ttl <ms>", "time to live of a node's session", "3000")
    .action(async (flags: Flags, command: Command) => {
      const whole = (name: keyof Flags): number => wholeNumber(name, flags[name]);
      const customers = whole("customers");
      const known = Math.max(customers, whole("known"));
      const { readBudgets } = await import("../budgets.ts");
      const { report } = await import("../report.ts");
      const { benchNodes } = await import("./nodes.ts");
      const budget = readBudgets().nodes?.takeover?.p95;
      const progress = env.progress("bench nodes:");
      try {
        const { results, failures } = await benchNodes({
          known,
          customers,
          pauseMs: 1_000,
          ttlMs: whole("ttl"),
          onStage: (stage) => progress.update(stage),
        });
        progress.end();
        const held = results.map((r) =>
          r.name === "nodes.takeover" && budget !== undefined
            ? { ...r, budget, held: (r.p95 ?? Number.POSITIVE_INFINITY) <= budget }
            : r,
        );
        const lines = failures.map((failure) => `failed: ${failure}`);
        await printed(env, command, report(held), { json: { failures }, lines });
        if (failures.length > 0) env.fail();
      } finally {
        progress.end();
      }
    });
}
