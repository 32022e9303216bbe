/**
 * `demo --attach URL`: customers talk to a running desk, which may be killed meanwhile. At the end the driver compares by
 * its own list: every message that the desk has accepted, and every reply that it got. The customers only ask; nothing
 * at the desk is changed.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_SEED, generate } from "../../actors/skills/backoffice/index.ts";
import { StageTally } from "../../bench/stage-tally.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { DependencyError } from "../../runtime/config/errors.ts";
import { type DeskAccess, deskRequest } from "../../scenarios/desk-client.ts";
import { ConversationDriver } from "../../scenarios/driver.ts";
import { seeded } from "../../scenarios/facts/index.ts";
import { asksBack } from "../../scenarios/recorded/classify.ts";
import { stagesOf } from "../../scenarios/stages.ts";
import { budgetsJson, latencyJson } from "./tally.ts";
import { countBy, latencyTable, seconds, table } from "./text.ts";

export interface AttachOptions {
  readonly attach: string;
  readonly limit?: number;
  readonly concurrency?: number;
  readonly seed: number;
}

const CONVERSATIONS = 40;
const AT_ONCE = 4;
/** Between a reply and the next message. */
const THINK_MS = [300, 1_500] as const;
/** A desk that was killed is started again by hand. */
const PATIENCE_MS = 10 * 60_000;
const REPLY_MS = 60_000;

/** What a customer has sent and got, by the driver's own list. */
interface Account {
  readonly conversation: string;
  readonly accepted: readonly string[];
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  /** Replies that the desk has in its transcript and the stream did not bring. */
  readonly missed: number;
  readonly asked: number;
  readonly handoff: string | null;
  readonly reconnects: number;
  readonly error?: string;
}

export async function demoAttached(env: CliEnv, options: AttachOptions): Promise<void> {
  const access: DeskAccess = {
    url: options.attach.replace(/\/$/, ""),
    adminToken: adminTokenOf(env.dataDir()),
  };
  await deskRequest(access, "GET", "/v1/admin/status", { timeoutMs: 5_000 }).catch((error) => {
    throw new DependencyError(
      `no desk answers at ${access.url} with the admin token of ${env.dataDir()} (${(error as Error).message}): start one with npm start, and name its data directory with --data-dir`,
    );
  });
  const conversations = options.limit ?? CONVERSATIONS;
  const random = seeded(options.seed);
  const scripts = Array.from({ length: conversations }, () => scriptOf(random));
  const progress = env.progress("demo");
  const tally = new StageTally();
  const accounts: Account[] = [];
  let outages = 0;
  let away = 0;
  const onAway = (is: boolean): void => {
    away += is ? 1 : -1;
    if (is && away === 1) {
      outages++;
      progress.update("the desk is away: start it again, the customers wait");
    }
  };
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    for (let script = scripts.shift(); script; script = scripts.shift()) {
      if (env.signal().aborted) return;
      accounts.push(await talk(script, access, random, tally, onAway));
      progress.update("conversations", accounts.length, conversations);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency ?? AT_ONCE }, worker));
  progress.end();
  report(env, accounts, tally, { outages, ms: performance.now() - startedAt });
}

function adminTokenOf(dataDir: string): string {
  const file = join(dataDir, "admin.token");
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    throw new DependencyError(
      `there is no admin token in ${dataDir}: name the data directory of the running desk with --data-dir`,
    );
  }
}

/** Questions of a customer of the shipped company; a desk of another one asks back who it is. */
function scriptOf(random: () => number): string[] {
  const { customers, orders } = company();
  const order = orders[Math.floor(random() * orders.length)]!;
  const { email } = customers.find((c) => c.id === order.customerId)!;
  const item = order.items[0]!.name;
  const scripts = [
    [
      `Where is my order ${order.id}? My e-mail is ${email}.`,
      `And which items are in ${order.id}?`,
      "Thank you!",
    ],
    [
      "How long do I have to return something?",
      `Where is order ${order.id}? I'm ${email}.`,
      "Thanks, goodbye",
    ],
    [`Hello, what is the status of ${order.id}, e-mail ${email}?`, "How long does a refund take?", "Thanks!"],
    [
      `Hi, has the ${item} from ${order.id} been delivered? ${email}`,
      `Please check order ${order.id} again`,
      "Thank you",
    ],
  ];
  return scripts[Math.floor(random() * scripts.length)]!;
}

let generated: ReturnType<typeof generate> | undefined;
function company() {
  generated ??= generate({ seed: DEFAULT_SEED, now: Date.now() });
  return generated;
}

async function talk(
  script: readonly string[],
  access: DeskAccess,
  random: () => number,
  tally: StageTally,
  onAway: (away: boolean) => void,
): Promise<Account> {
  const driver = new ConversationDriver(access, { replyMs: REPLY_MS, unreachableMs: PATIENCE_MS, onAway });
  let error: string | undefined;
  let missed = 0;
  try {
    await driver.open({ channel: "chat" });
    for (const text of script) {
      await driver.send(text);
      await driver.settled();
      await sleep(THINK_MS[0] + random() * (THINK_MS[1] - THINK_MS[0]));
    }
    const { transcript } = await driver.view();
    const heard = new Set(driver.replies.map((r) => r.messageId));
    missed = transcript.filter((t) => t.role === "desk" && !heard.has(t.messageId)).length;
    tally.add(stagesOf(await driver.trace()));
  } catch (caught) {
    error = (caught as Error).message;
  }
  await driver.close();
  for (const m of driver.sent) {
    tally.add([{ stage: "accept", ms: m.acceptedAt - m.sentAt }]);
    if (m.answeredAt !== undefined) tally.add([{ stage: "turn", ms: m.answeredAt - m.sentAt }]);
  }
  const answers = new Map<string, Set<string>>();
  for (const reply of driver.replies) {
    for (const id of reply.answers) answers.set(id, (answers.get(id) ?? new Set()).add(reply.messageId));
  }
  const accepted = driver.sent.map((m) => m.messageId);
  return {
    conversation: driver.id,
    accepted,
    lost: driver.sent.filter((m) => !answers.has(m.messageId) && !m.withPerson).map((m) => m.messageId),
    twice: [
      ...accepted.filter((id) => (answers.get(id)?.size ?? 0) > 1),
      ...Array(driver.repeated).fill("repeated"),
    ],
    missed,
    asked: driver.replies.filter((r) => asksBack(r.text)).length,
    handoff: driver.events.find((e) => e.event === "handoff")?.data.reason ?? null,
    reconnects: driver.reconnects,
    error,
  };
}

function report(
  env: CliEnv,
  accounts: readonly Account[],
  tally: StageTally,
  { outages, ms }: { outages: number; ms: number },
): void {
  const sum = (of: (a: Account) => number) => accounts.reduce((n, a) => n + of(a), 0);
  const accepted = sum((a) => a.accepted.length);
  const lost = accounts.flatMap((a) => a.lost);
  const twice = accounts.flatMap((a) => a.twice);
  const missed = sum((a) => a.missed);
  const errors = accounts
    .filter((a) => a.error)
    .map((a) => ({ conversation: a.conversation, error: a.error }));
  const asked = sum((a) => a.asked);
  const measured = tally.percentiles();
  // A desk that is killed on purpose is not held to its budgets.
  const held = outages > 0 ? [] : tally.held();
  const reconnects = sum((a) => a.reconnects);
  const handedOff = countBy(accounts.map((a) => a.handoff));
  const failed = lost.length + twice.length + missed + errors.length;
  if (failed > 0) env.fail();
  const json = {
    conversations: accounts.length,
    turns: accepted,
    answered: accepted - lost.length - asked,
    asked,
    handedOff,
    dropped: lost.length,
    crashed: errors.length,
    expectations: {
      met: accounts.filter((a) => a.lost.length + a.twice.length + a.missed === 0 && !a.error).length,
      failed,
    },
    facts: { stated: 0, wrong: 0, foreign: 0, unclassified: 0 },
    latencyMs: latencyJson(measured),
    budgets: budgetsJson(held),
    accepted,
    lost: lost.length,
    answeredTwice: twice.length,
    missedByStream: missed,
    outages,
    reconnects,
    lostMessages: lost,
    errors,
    ms: Math.round(ms),
  };
  env.out(json, () => {
    const c = env.colors;
    const mark = (n: number) => (n === 0 ? c.green("0") : c.red(String(n)));
    return [
      c.bold(`${accounts.length} customers, ${accepted} messages accepted, ${seconds(ms)}`),
      "",
      table(
        [
          ["lost", mark(lost.length)],
          ["answered twice", mark(twice.length)],
          ["in the transcript, but not in the stream", mark(missed)],
          ["times the desk was away", String(outages)],
          ["streams taken up again at their offset", String(reconnects)],
        ],
        [1],
      ),
      "",
      latencyTable(measured, held, c),
      ...lost.map((id) => c.red(`  without a reply: ${id}`)),
      ...errors.map((e) => c.red(`  ${e.conversation}: ${e.error}`)),
    ].join("\n");
  });
}
