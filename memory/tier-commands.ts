/** `memory tiers|demote`: where what was said lies at the running node. */
import type { Command } from "commander";
import type { CliEnv } from "../runtime/config/cli.ts";

interface Reads {
  readonly reads: number;
  readonly msARead: number | null;
}

interface TierReport {
  readonly hot: Reads & { readonly customers: number; readonly bytes: number };
  readonly warm: Reads & { readonly conversations: number };
  readonly cold: Reads & { readonly conversations: number; readonly bytes: number };
}

export function tierCommands(parent: Command, env: CliEnv): void {
  parent
    .command("tiers")
    .description("what is hot, warm and cold, and how long it takes to read there")
    .action(async () => {
      const report = await env.client().get<TierReport>("/v1/admin/memory-tiers");
      env.out(report, () => shown(report));
    });

  parent
    .command("demote")
    .description("make conversations cold in which nothing was said for memory.warmMs")
    .option("--all", "all of them")
    .action(async ({ all = false }: { all?: boolean }) => {
      const answer = await env.client().post<{ demoted: number }>("/v1/admin/memory-tiers/demote", { all });
      env.out(answer, `${answer.demoted} conversations are cold now`);
    });
}

function shown({ hot, warm, cold }: TierReport): string {
  const kib = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;
  const row = (name: string, what: string, { reads, msARead }: Reads): string =>
    `${name}  ${what}, ${reads} reads${msARead === null ? "" : ` of ${msARead} ms`}`;
  return [
    row("hot ", `${hot.customers} customers, ${kib(hot.bytes)}`, hot),
    row("warm", `${warm.conversations} conversations`, warm),
    row("cold", `${cold.conversations} conversations, ${kib(cold.bytes)}`, cold),
  ].join("\n");
}
