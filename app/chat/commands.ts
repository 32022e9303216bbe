/** Commands that talk to a running desk: `chat`, `trace`, `status`, `handoffs`, `unknowns`, `dead-letters`. */
import { userInfo } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import type { CliEnv, Contributor } from "../../runtime/config/cli.ts";

export const commands: Contributor = (program, env) => {
  chat(program, env);
  looking(program, env);
  handoffs(program, env);
  unknowns(program, env);
  deadLetters(program, env);
};

function chat(program: Command, env: CliEnv): void {
  program
    .command("chat")
    .description("talk to the desk; on a pipe one line in is one message, replies are lines `desk: …`")
    .option("--customer <id>", "vouch for this customer: no verification is asked for")
    .option("--channel <name>", "channel of the conversation", "chat")
    .option("--name <name>", "what the customer says to be called")
    .option("--email <address>", "what the customer says is the e-mail address")
    .option("--timeout <seconds>", "how long an answer is waited for", positive, 30)
    .action(async (options) => {
      const { talk } = await import("./talk.ts");
      await talk(env, options);
    });
}

function looking(program: Command, env: CliEnv): void {
  program
    .command("status")
    .description("node, actors, conversations, queues, services")
    .action(async () => {
      const { renderStatus } = await import("./render.ts");
      const status = await env.client().get("/v1/admin/status");
      env.out(status, () => renderStatus(status, env.colors));
    });
  program
    .command("trace")
    .description("each record of a conversation: who sent it, why, how long it waited and took")
    .argument("<conversation>", "id of the conversation")
    .option("--data", "with what people wrote and systems answered")
    .action(async (id: string, options: { data?: boolean }) => {
      const { renderTrace } = await import("./render.ts");
      type Answer = import("./render.ts").TraceAnswer;
      const query = options.data ? "?data=true" : "";
      const trace = await env
        .client()
        .get<Answer>(`/v1/admin/conversations/${encodeURIComponent(id)}/trace${query}`);
      env.out(trace, () => renderTrace(trace, env.colors));
    });
}

function me(): string {
  try {
    return userInfo().username;
  } catch {
    return "operator";
  }
}

function handoffs(program: Command, env: CliEnv): void {
  const group = program.command("handoffs").description("conversations and approvals that wait for a person");
  const path = (id: string, what: string) => `/v1/admin/handoffs/${encodeURIComponent(id)}/${what}`;
  group
    .command("list")
    .description("the queue")
    .action(async () => {
      const { table } = await import("./render.ts");
      const queue = await env.client().get<Queue>("/v1/admin/handoffs");
      env.out(queue, () => {
        const parts: string[] = [];
        const entries = queue.handoffs.map((h) => [
          h.id,
          h.state,
          h.agent ?? "",
          h.reason,
          h.since,
          (h.summary ?? "").replaceAll("\n", " ").slice(0, 80),
        ]);
        if (entries.length > 0) {
          parts.push(
            table(["hand-off", "state", "person", "reason", "since", "summary"], entries, env.colors),
          );
        }
        const approvals = queue.approvals.map((a) => [
          a.id,
          a.amount === undefined ? "" : `${a.amount} ${a.currency ?? ""}`,
          a.since,
          a.what,
        ]);
        if (approvals.length > 0) {
          parts.push(table(["approval", "amount", "since", "what"], approvals, env.colors));
        }
        return parts.join("\n\n") || "nobody waits for a person";
      });
    });
  const act = (name: string, description: string) =>
    group.command(name).description(description).option("--as <name>", "who you are", me());
  const done = (answer: unknown, text: string) => env.out(answer, text);
  act("accept", "take a conversation over")
    .argument("<id>")
    .action(async (id: string, { as }) =>
      done(
        await env.client().post(path(id, "accept"), { agent: as }),
        `accepted; answer with: bin/bailiwick handoffs reply ${id} "…"`,
      ),
    );
  act("reply", "write to the customer")
    .argument("<id>")
    .argument("<text...>")
    .action(async (id: string, text: string[], { as }) =>
      done(await env.client().post(path(id, "reply"), { agent: as, text: text.join(" ") }), "sent"),
    );
  act("return", "give the conversation back to the desk")
    .argument("<id>")
    .requiredOption("--summary <text>", "what was done")
    .option("--instruction <text>", "what the desk should do now")
    .action(async (id: string, { as, summary, instruction }) =>
      done(
        await env.client().post(path(id, "return"), { agent: as, summary, instruction }),
        "returned to the desk",
      ),
    );
  act("close", "end the conversation")
    .argument("<id>")
    .action(async (id: string, { as }) =>
      done(await env.client().post(path(id, "close"), { agent: as }), "closed"),
    );
  for (const [name, said] of [
    ["approve", "approved"],
    ["decline", "declined"],
  ] as const) {
    act(name, `${name} what the desk wants to do`)
      .argument("<id>")
      .option("--note <text>", "a remark")
      .action(async (id: string, { as, note }) =>
        done(
          await env
            .client()
            .post(`/v1/admin/approvals/${encodeURIComponent(id)}/${name}`, { agent: as, note }),
          said,
        ),
      );
  }
}

interface Queue {
  readonly handoffs: readonly {
    readonly id: string;
    readonly state: string;
    readonly agent?: string;
    readonly reason: string;
    readonly since: string;
    readonly summary?: string;
  }[];
  readonly approvals: readonly {
    readonly id: string;
    readonly what: string;
    readonly amount?: number;
    readonly currency?: string;
    readonly since: string;
  }[];
}

function unknowns(program: Command, env: CliEnv): void {
  const group = program.command("unknowns").description("effects whose outcome nobody knows");
  group
    .command("list")
    .description("what is to be looked up in the system concerned")
    .action(async () => {
      const { table } = await import("./render.ts");
      const answer = await env.client().get<{ unknowns: Record<string, string>[] }>("/v1/admin/unknowns");
      env.out(answer, () =>
        answer.unknowns.length === 0
          ? "nothing is unknown"
          : table(
              ["id", "skill", "key", "task", "conversation", "since"],
              answer.unknowns.map((u) => [u.id!, u.skill!, u.key!, u.task!, u.conversation!, u.at!]),
              env.colors,
            ),
      );
    });
  group
    .command("resolve")
    .description("say what came of one")
    .argument("<id>")
    .argument("<outcome>", "done, not-done or retry", (value: string) => {
      if (["done", "not-done", "retry"].includes(value)) return value;
      throw new InvalidArgumentError("use done, not-done or retry");
    })
    .action(async (id: string, outcome: string) => {
      const answer = await env.client().post(`/v1/admin/unknowns/${encodeURIComponent(id)}`, { outcome });
      env.out(answer, `resolved as ${outcome}`);
    });
}

function deadLetters(program: Command, env: CliEnv): void {
  const group = program.command("dead-letters").description("records that were given up on");
  const path = (number: string, what = "") => `/v1/admin/dead-letters/${encodeURIComponent(number)}${what}`;
  group
    .command("list")
    .description("oldest first")
    .option("--limit <n>", "at most so many", positive, 100)
    .action(async ({ limit }: { limit: number }) => {
      const { table } = await import("./render.ts");
      type Letter = Record<string, string | number | undefined>;
      const answer = await env
        .client()
        .get<{ deadLetters: Letter[] }>(`/v1/admin/dead-letters?limit=${limit}`);
      env.out(answer, () =>
        answer.deadLetters.length === 0
          ? "nothing was given up on"
          : table(
              ["number", "at", "type", "to", "attempts", "reason"],
              answer.deadLetters.map((l) => [
                String(l.number),
                String(l.at),
                String(l.type ?? ""),
                String(l.to ?? ""),
                String(l.attempts),
                String(l.reason).split("\n")[0]!.slice(0, 100),
              ]),
              env.colors,
            ),
      );
    });
  group
    .command("show")
    .description("one of them, with the reason")
    .argument("<number>")
    .action(async (number: string) => env.out(await env.client().get(path(number))));
  group
    .command("retry")
    .description("put the record into the log again")
    .argument("<number>")
    .action(async (number: string) =>
      env.out(await env.client().post(path(number, "/retry")), "it is in the log again"),
    );
  group
    .command("drop")
    .description("drop it for good")
    .argument("<number>")
    .action(async (number: string) => env.out(await env.client().delete(path(number)), "dropped"));
}

function positive(value: string): number {
  const number = Number(value);
  if (Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError("use a number above 0");
}
