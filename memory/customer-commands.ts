/** `memory recall|said|facts|export|erase|hold|release --customer ID`: what the running node keeps about a customer. */
import type { Command } from "commander";
import type { CliEnv } from "../runtime/config/cli.ts";
import { UsageError } from "../runtime/config/errors.ts";
import type { EraseReceipt } from "./control/erase.ts";

interface ShownFact {
  readonly id: string;
  readonly type: string;
  readonly text: string;
  readonly source: { readonly conversation: string; readonly messageId?: string; readonly at: number };
  readonly supersededAt?: number;
  readonly supersededBy?: string;
}

interface Said {
  readonly conversation: string;
  readonly at: number;
  readonly by: string;
  readonly speaker?: string;
  readonly text: string;
}

export function customerCommands(parent: Command, env: CliEnv): void {
  const path = (customer: string, rest: string) => `/v1/admin/memory/${encodeURIComponent(customer)}${rest}`;
  const customerCommand = (name: string, description: string) =>
    parent
      .command(name)
      .description(description)
      .requiredOption("--customer <id>", "the customer's id in your records");

  customerCommand("recall", "the facts that bear on a text; without one, the newest")
    .option("--text <text>", "what the customer says")
    .option("--k <n>", "how many", "5")
    .option("--role <role>", "who reads; the desk's own agents by default")
    .action(async ({ customer, ...asked }: { customer: string; text?: string; k: string; role?: string }) => {
      const query = new URLSearchParams(asked);
      const answer = await env.client().get<{ facts: ShownFact[] }>(path(customer, `/recall?${query}`));
      env.out(answer, () => list(answer.facts, env));
    });

  customerCommand("said", "what was said about something, in all conversations")
    .requiredOption("--text <text>", "what it is about")
    .option("--k <n>", "how many", "10")
    .action(async ({ customer, text, k }: { customer: string; text: string; k: string }) => {
      const query = new URLSearchParams({ k, text });
      const answer = await env.client().get<{ said: Said[] }>(path(customer, `/said?${query}`));
      env.out(answer, () => quotes(answer.said, env));
    });

  customerCommand("facts", "all facts, those that were superseded too").action(
    async ({ customer }: { customer: string }) => {
      const answer = await env.client().get<{ facts: ShownFact[] }>(path(customer, "/facts"));
      env.out(answer, () => list(answer.facts, env));
    },
  );

  customerCommand("export", "all that is kept: facts and what was said, as JSON").action(
    async ({ customer }: { customer: string }) => env.out(await env.client().get(path(customer, "/export"))),
  );

  customerCommand("erase", "destroy the customer's key and delete what is kept; cannot be undone")
    .option("--yes", "do not ask first on a terminal")
    .action(async ({ customer, yes }: { customer: string; yes?: boolean }) => {
      if (!yes && !(await confirmed(`Erase all that is kept about customer ${customer}?`))) {
        throw new UsageError("nothing was erased");
      }
      const receipt = await env.client().delete<EraseReceipt>(path(customer, ""));
      env.out(receipt, () => told(receipt));
    });

  customerCommand("hold", "a legal hold: nothing is erased until it ends")
    .requiredOption("--reason <text>", "why; kept sealed")
    .option("--until <time>", "when it ends by itself, such as 2027-01-31 or 2027-01-31T12:00Z")
    .action(async ({ customer, reason, until }: { customer: string; reason: string; until?: string }) => {
      const end = until === undefined ? undefined : Date.parse(until);
      if (Number.isNaN(end)) throw new UsageError(`--until ${until}: a date such as 2027-01-31`);
      const body = { reason, ...(end === undefined ? {} : { until: new Date(end).toISOString() }) };
      const hold = await env.client().post<{ until?: number }>(path(customer, "/hold"), body);
      env.out(hold, `nothing of customer ${customer} is erased ${untilText(hold.until)}`);
    });

  customerCommand("release", "end a legal hold").action(async ({ customer }: { customer: string }) => {
    const answer = await env.client().delete<{ released: boolean }>(path(customer, "/hold"));
    env.out(answer, answer.released ? "released" : "there was no hold");
  });
}

function told({ receipt, facts, turns, conversations, events, pending, at, ms }: EraseReceipt): string {
  const what = pending
    ? "what this node keeps is deleted when it has caught up"
    : `${facts} facts, ${turns} turns of ${conversations} conversations`;
  return `erased: the key, ${what}, ${events} events (receipt ${receipt}, ${at}, in ${ms} ms)`;
}

function untilText(until: number | undefined): string {
  return until === undefined ? "until the hold is released" : `until ${new Date(until).toISOString()}`;
}

/** Scripts mean what they say; a person at a terminal is asked. */
async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return true;
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} It cannot be undone. [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

function quotes(said: readonly Said[], env: CliEnv): string {
  if (said.length === 0) return "nothing that was said is about this";
  const { bold, dim } = env.colors;
  return said
    .map(({ conversation, at, by, speaker, text }) => {
      const when = new Date(at).toISOString().slice(0, 16).replace("T", " ");
      return `${bold(speaker ?? by)}: ${text}\n  ${dim(`${when}, conversation ${conversation}`)}`;
    })
    .join("\n");
}

function list(facts: readonly ShownFact[], env: CliEnv): string {
  if (facts.length === 0) return "nothing is known about this customer";
  const { bold, dim } = env.colors;
  const later = new Map(facts.map((fact) => [fact.id, fact]));
  return facts
    .map(({ type, text, source, supersededAt, supersededBy = "" }) => {
      const instead = later.get(supersededBy);
      const day = new Date(source.at).toISOString().slice(0, 10);
      const from = `${day}, conversation ${source.conversation}${source.messageId ? `, message ${source.messageId}` : ""}`;
      return `${bold(type)}: ${text}${supersededAt ? ` (no longer${instead ? `: ${instead.text}` : ""})` : ""}\n  ${dim(from)}`;
    })
    .join("\n");
}
