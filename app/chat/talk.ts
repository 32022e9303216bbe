/** `chat`: at a terminal a conversation, on a pipe one line in is one message. */
import { createInterface } from "node:readline";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { ChatSession, type Reply } from "./session.ts";

export interface TalkOptions {
  readonly customer?: string;
  readonly channel: string;
  readonly name?: string;
  readonly email?: string;
  /** Seconds to wait for an answer. */
  readonly timeout: number;
}

/** @param input where the customer's lines come from. */
export async function talk(
  env: CliEnv,
  options: TalkOptions,
  input: NodeJS.ReadStream = process.stdin,
): Promise<void> {
  const terminal = input.isTTY === true && process.stdout.isTTY === true && !env.json;
  return terminal ? talkAtTerminal(env, options, input) : talkOnPipe(env, options, input);
}

function sessionOf(
  env: CliEnv,
  options: TalkOptions,
  onReply: (reply: Reply) => void,
  more: object = {},
): ChatSession {
  return new ChatSession(env.client(), {
    channel: options.channel,
    customer: { id: options.customer, name: options.name, email: options.email },
    vouched: options.customer !== undefined,
    answerMs: options.timeout * 1_000,
    onReply,
    ...more,
  });
}

/** Sources that the text does not name itself. */
function sources(reply: Reply): string[] {
  return (reply.citations ?? []).map((c) => c.title ?? c.id).filter((title) => !reply.text.includes(title));
}

function speaker(reply: Reply): string {
  return reply.role === "human" ? `${reply.author ?? "a person"} (person)` : "desk";
}

async function talkOnPipe(env: CliEnv, options: TalkOptions, input: NodeJS.ReadStream): Promise<void> {
  const turns: { text: string; answered: boolean; replies: Reply[] }[] = [];
  const unasked: Reply[] = [];
  const session = sessionOf(env, options, (reply) => {
    (turns.at(-1)?.replies ?? unasked).push(reply);
    if (env.json) return;
    for (const line of reply.text.split("\n")) {
      if (line.trim() !== "") process.stdout.write(`${speaker(reply)}: ${line}\n`);
    }
    for (const source of sources(reply)) process.stdout.write(`  source: ${source}\n`);
  });
  await session.open();
  if (!env.json) env.err(`conversation ${session.id} (bin/bailiwick trace ${session.id} shows it)`);
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.trim() === "") continue;
      const turn = { text: line, answered: false, replies: [] as Reply[] };
      turns.push(turn);
      turn.answered = await session.settled(await session.send(line));
      if (!turn.answered) {
        env.err(
          `no answer within ${options.timeout} s: see bin/bailiwick trace ${session.id} and bin/bailiwick status`,
        );
        env.fail();
      }
    }
  } finally {
    await session.close();
  }
  if (env.json) env.out({ conversationId: session.id, turns, unasked });
}

async function talkAtTerminal(env: CliEnv, options: TalkOptions, input: NodeJS.ReadStream): Promise<void> {
  const { bold, cyan, dim, green, yellow } = env.colors;
  const readline = createInterface({ input, output: process.stdout, prompt: `${bold("you")}  ` });
  /** Writes above the line that is being typed. */
  const print = (text: string): void => {
    process.stdout.write(`\r\u001b[2K${text}\n`);
    readline.prompt(true);
  };
  const said: Record<string, string> = {
    accepted: "A person has joined.",
    queued: "You are in the queue for a person.",
    returned: "You are talking to the desk again.",
  };
  const session = sessionOf(
    env,
    options,
    (reply) => {
      const who = reply.role === "human" ? yellow(speaker(reply)) : green("desk");
      const indented = reply.text.replaceAll("\n", "\n      ");
      const extras = [
        ...sources(reply).map((source) => dim(`      source: ${source}`)),
        ...(reply.quickReplies?.length
          ? [`      ${reply.quickReplies.map((q) => cyan(`[${q}]`)).join(" ")}`]
          : []),
      ];
      print([`${who}  ${indented}`, ...extras].join("\n"));
    },
    {
      onEvent: (name: string, data: Readonly<Record<string, unknown>>) => {
        const text = name === "handoff" && data.reason !== "approval" ? said[String(data.state)] : undefined;
        if (text) print(dim(`      ${text}`));
        if (name === "outcome") print(dim(`      outcome: ${String(data.outcome)}`));
      },
    },
  );
  await session.open();
  env.err(dim(`conversation ${session.id} · Ctrl-D ends it · bin/bailiwick trace ${session.id} shows it`));
  readline.prompt();
  const signal = env.signal();
  signal.addEventListener("abort", () => readline.close(), { once: true });
  readline.on("SIGINT", () => readline.close());
  try {
    for await (const line of readline) {
      if (line.trim() === "") readline.prompt();
      else await session.send(line).then(() => readline.prompt());
    }
  } finally {
    await session.close();
    process.stdout.write("\n");
  }
}
