/** Sends a recorded customer's turns to a desk, each after the reply. What comes back is judged afterwards. */
import type { DeskAccess } from "../desk-client.ts";
import { ConversationDriver, type DriverOptions } from "../driver.ts";
import { type StageTime, stagesOf } from "../stages.ts";
import type { RecordedRun } from "./tau2.ts";

export interface DrivenTurn {
  readonly text: string;
  readonly replies: readonly string[];
  readonly answered: boolean;
}

export interface DrivenRun {
  readonly run: RecordedRun;
  readonly conversation: string;
  readonly turns: readonly DrivenTurn[];
  readonly dropped: number;
  readonly crashed: boolean;
  readonly error?: string;
  /** Reason of the first hand-off, and after how many turns. */
  readonly handoff: { readonly reason: string; readonly turn: number } | null;
  readonly outcome: string | null;
  readonly stages: readonly StageTime[];
  /** Of a run that did not come to its end. */
  readonly trace?: readonly any[];
}

/** Answers how to read the trace and sum up, which can wait until nobody is disturbed by it. */
export async function driveRun(
  run: RecordedRun,
  access: DeskAccess,
  options: DriverOptions = {},
): Promise<() => Promise<DrivenRun>> {
  const driver = new ConversationDriver(access, options);
  const turns: DrivenTurn[] = [];
  let error: string | undefined;
  let handoff: DrivenRun["handoff"] = null;
  let outcome: string | null = null;
  let seen = 0;
  try {
    await driver.open({ channel: "chat" });
    for (const text of run.turns) {
      const sent = await driver.send(text);
      const answered = await driver.answered(sent);
      // What belongs to the last turn may come in a reply of its own.
      if (turns.length === run.turns.length - 1 && answered) outcome = (await driver.settled()).outcome;
      turns.push({ text, answered, replies: driver.replies.slice(seen).map((r) => r.text) });
      seen = driver.replies.length;
      const event = driver.events.find((e) => e.event === "handoff");
      if (event) handoff ??= { reason: String(event.data.reason), turn: turns.length };
      if (!answered) throw new Error(`turn ${turns.length} was not answered`);
    }
  } catch (e) {
    error = (e as Error).message;
  }
  await driver.close();
  return async () => {
    const trace = await driver.trace().catch(() => []);
    const stages: StageTime[] = [...stagesOf(trace)];
    for (const m of driver.sent) {
      stages.push({ stage: "accept", ms: m.acceptedAt - m.sentAt });
      if (m.answeredAt !== undefined) stages.push({ stage: "turn", ms: m.answeredAt - m.sentAt });
    }
    return {
      run,
      conversation: driver.id,
      turns,
      dropped: run.turns.length - turns.filter((t) => t.answered).length,
      crashed: handoff?.reason === "error" || trace.some((r) => r.type === "host.quarantined"),
      error,
      handoff,
      outcome,
      stages,
      ...(error === undefined ? {} : { trace }),
    };
  };
}
