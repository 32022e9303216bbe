/** Sends a recorded customer's turns to a desk, each after the reply, and judges what comes back from its texts. */
import type { DeskAccess } from "../desk-client.ts";
import { ConversationDriver, type DriverOptions } from "../driver.ts";
import { type CheckerOptions, ConversationChecker, type FactWorld, type Finding } from "../facts/index.ts";
import { type StageTime, stagesOf } from "../stages.ts";
import { asksBack, asksForPerson, asksToRephrase } from "./classify.ts";
import type { RecordedRun } from "./tau2.ts";

export interface DrivenReply {
  readonly text: string;
  readonly findings: readonly Finding[];
}

export interface DrivenTurn {
  readonly text: string;
  readonly replies: readonly DrivenReply[];
  readonly answered: boolean;
  /** The desk asks something back. */
  readonly asked: boolean;
}

export interface DrivenRun {
  readonly run: RecordedRun;
  readonly conversation: string;
  readonly turns: readonly DrivenTurn[];
  readonly dropped: number;
  readonly crashed: boolean;
  readonly error?: string;
  /** Reason of the hand-off with which it ended. */
  readonly handoff: string | null;
  readonly outcome: string | null;
  /** The customer asked for a person before or with the turn that ended in the hand-off. */
  readonly askedForPerson: boolean;
  readonly firstIsRephrase: boolean;
  readonly verified: boolean;
  readonly namedOwnOrder: boolean;
  /** Facts of own orders that are right, besides their numbers. */
  readonly ownFacts: number;
  readonly stages: readonly StageTime[];
  readonly path: string;
  /** Of a run that did not come to its end. */
  readonly trace?: readonly any[];
}

export interface DriveOptions extends DriverOptions {
  readonly world?: FactWorld;
  readonly checker?: CheckerOptions;
  /** Stands between the desk and the checker: answers what the checker is to see. */
  readonly judge?: (checker: ConversationChecker, text: string) => Finding[];
}

export async function driveRun(
  run: RecordedRun,
  access: DeskAccess,
  options: DriveOptions = {},
): Promise<DrivenRun> {
  const driver = new ConversationDriver(access, options);
  const { world, judge = (c, text) => c.deskSays(text) } = options;
  const checker = world && new ConversationChecker(world, options.checker);
  const turns: DrivenTurn[] = [];
  const path: string[] = [];
  let error: string | undefined;
  let handoffAt: number | undefined;
  let state: Awaited<ReturnType<ConversationDriver["settled"]>> | undefined;
  let seen = 0;
  try {
    await driver.open({ channel: "chat" });
    for (const text of run.turns) {
      checker?.customerSays(text);
      const sent = await driver.send(text);
      try {
        state = await driver.settled();
        path.push(`${state.state}:${state.playbook ?? "-"}:${state.handoff?.reason ?? "-"}`);
      } catch (e) {
        error = (e as Error).message;
      }
      const replies = driver.replies.slice(seen).map((r) => r.text);
      seen = driver.replies.length;
      turns.push({
        text,
        answered: sent.answeredAt !== undefined,
        asked: replies.length > 0 && asksBack(replies.at(-1)!),
        replies: replies.map((said) => ({ text: said, findings: checker ? judge(checker, said) : [] })),
      });
      if (handoffAt === undefined && driver.events.some((e) => e.event === "handoff"))
        handoffAt = turns.length;
      if (error) break;
    }
  } catch (e) {
    error = (e as Error).message;
  }
  const trace = await driver.trace().catch(() => []);
  await driver.close();
  const handoff = driver.events.find((e) => e.event === "handoff")?.data.reason ?? null;
  const findings = turns.flatMap((t) => t.replies.flatMap((r) => r.findings));
  const times: StageTime[] = [...stagesOf(trace)];
  for (const m of driver.sent) {
    times.push({ stage: "accept", ms: m.acceptedAt - m.sentAt });
    if (m.answeredAt !== undefined) times.push({ stage: "turn", ms: m.answeredAt - m.sentAt });
  }
  const until = turns.slice(0, handoffAt ?? turns.length).map((t) => t.text);
  return {
    run,
    conversation: driver.id,
    turns,
    dropped: run.turns.length - turns.filter((t) => t.answered).length,
    crashed: handoff === "error" || trace.some((r) => r.type === "host.quarantined"),
    error,
    handoff,
    outcome: state?.outcome ?? null,
    askedForPerson: until.some(asksForPerson),
    firstIsRephrase: turns.length > 0 && asksToRephrase(turns[0]!.replies[0]?.text ?? "", turns[0]!.text),
    verified: (checker?.customers.length ?? 0) > 0,
    namedOwnOrder: checker?.namedOwnOrder ?? false,
    ownFacts: findings.filter((f) => f.verdict === "right" && f.order && f.kind !== "order").length,
    stages: times,
    path: path.join(" "),
    trace: error === undefined ? undefined : trace,
  };
}
