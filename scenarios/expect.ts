/** Holds what happened in a step against what was expected; answers what is wrong, in words. */
import { askedAt, askedIn } from "../runtime/host/calls.ts";
import type { ConversationState, Reply } from "./desk-client.ts";
import type { Expectation } from "./format.ts";

/** A skill that was called: from the trace. */
export interface SkillCall {
  readonly seq: number;
  readonly id: string;
  /** Idempotency key. */
  readonly key: string;
  /** `orders.get` */
  readonly name: string;
  readonly input: Record<string, unknown>;
  /** `done`, or the code that it failed with; absent while it is open. */
  readonly result?: string;
  readonly ms?: number;
}

/** Services that are no skills: how the desk understands, remembers, looks up. */
const INNER = new Set(["language", "knowledge", "memory", "model"]);

export function skillCalls(trace: readonly any[], inner = false): SkillCall[] {
  const answers = new Map<string, any>(
    trace.filter((r) => r.type === "host.answer").map((r) => [String(r.clear.ask), r]),
  );
  return trace.flatMap((r) => {
    const asked = askedIn(r);
    if (!asked || (!inner && INNER.has(asked.service))) return [];
    // What is repeatable is one record, that of its answer.
    const alone = askedAt(r) !== undefined;
    const answer = alone ? r : answers.get(r.id);
    const value = answer?.data?.value;
    return {
      seq: r.seq,
      id: alone ? String(r.clear.ask) : r.id,
      key: asked.key,
      name: `${asked.service}.${asked.operation}`,
      input: r.data?.input ?? {},
      result: answer ? (answer.clear.ok ? "done" : String(value?.code ?? "failed")) : undefined,
      ms: answer?.durationMs,
    };
  });
}

export interface Happened {
  readonly replies: readonly Reply[];
  readonly state: ConversationState;
  readonly records: (collection: string, id: string) => Promise<Record<string, unknown> | undefined>;
}

/** All but the calls of skills, which the trace tells: `unmetCalls`. */
export async function unmet(expected: Expectation, happened: Happened): Promise<string[]> {
  const { replies, state } = happened;
  const said = replies.map((r) => r.text).join("\n");
  const wrong: string[] = [];
  const want = (ok: boolean, what: string): void => {
    if (!ok) wrong.push(what);
  };
  const short = said.length > 400 ? `${said.slice(0, 400)}…` : said;
  for (const p of list(expected.reply))
    want(matches(said, p), `no reply matches ${p}; said: ${short || "nothing"}`);
  for (const p of list(expected.not))
    want(!matches(said, p), `a reply matches ${p}, which must not be: ${short}`);
  if (expected.replies !== undefined) {
    want(
      replies.length === expected.replies,
      `${replies.length} replies instead of ${expected.replies}: ${short}`,
    );
  }
  for (const [name, value] of Object.entries(expected.slot ?? {})) {
    const has = JSON.stringify(state.slots[name]) ?? "nothing";
    want(has === JSON.stringify(value), `slot ${name} is ${has} instead of ${JSON.stringify(value)}`);
  }
  if (expected.state !== undefined) {
    want(state.state === expected.state, `state is ${state.state} instead of ${expected.state}`);
  }
  if (expected.playbook !== undefined) {
    const running = state.playbook?.split("@")[0] ?? null;
    want(running === expected.playbook, `playbook is ${running} instead of ${expected.playbook}`);
  }
  if (expected.verified !== undefined) {
    want(
      Boolean(state.verified) === expected.verified,
      `verified is ${state.verified} instead of ${expected.verified}`,
    );
  }
  if (expected.handoff !== undefined) {
    const reason = state.handoff?.reason ?? "none";
    want(reason === expected.handoff, `hand-off is ${reason} instead of ${expected.handoff}`);
  }
  if (expected.outcome !== undefined) {
    const outcome = state.outcome ?? "none";
    want(outcome === expected.outcome, `outcome is ${outcome} instead of ${expected.outcome}`);
  }
  for (const [collection, records] of Object.entries(expected.records ?? {})) {
    for (const [id, members] of Object.entries(records)) {
      const record = await happened.records(collection, id);
      for (const [k, v] of Object.entries(members)) {
        const has = JSON.stringify(record?.[k]) ?? "nothing";
        want(
          has === JSON.stringify(v),
          `${collection} ${id}: ${k} is ${has} instead of ${JSON.stringify(v)}`,
        );
      }
    }
  }
  return wrong;
}

/** What is wrong with the calls of skills up to a step. */
export function unmetCalls(expected: Expectation, calls: readonly SkillCall[]): string[] {
  const wrong: string[] = [];
  const want = (ok: boolean, what: string): void => {
    if (!ok) wrong.push(what);
  };
  for (const s of list(expected.skill)) {
    const w = typeof s === "string" ? { name: s } : s;
    const found = calls.filter(
      (c) =>
        c.name === w.name &&
        (w.result === undefined || c.result === w.result) &&
        Object.entries(w.input ?? {}).every(([k, v]) => JSON.stringify(c.input[k]) === JSON.stringify(v)),
    );
    if (w.times === undefined) {
      want(
        found.length > 0,
        `${w.name} was not called as expected; called: ${calls.map(brief).join(", ") || "nothing"}`,
      );
    } else want(found.length === w.times, `${w.name} was called ${found.length} times instead of ${w.times}`);
  }
  return wrong;
}

function matches(text: string, pattern: string): boolean {
  const regex = /^\/(.*)\/([a-z]*)$/s.exec(pattern);
  if (regex) return new RegExp(regex[1]!, regex[2]!.includes("i") ? regex[2] : `${regex[2]}i`).test(text);
  return text.toLowerCase().includes(pattern.toLowerCase());
}

function list<T>(value: T | readonly T[] | undefined): readonly T[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value as T];
}

function brief(call: SkillCall): string {
  return `${call.name} (${call.result ?? "open"})`;
}
