/** What was said in a conversation, and done, from its trace. */
import { askedIn } from "../runtime/host/calls.ts";

export interface Said {
  readonly seq: number;
  readonly id: string;
  readonly role: "customer" | "desk" | "human";
  readonly text: string;
  /** Customer: answered by the desk, or in a person's hands. */
  readonly taken?: boolean;
}

/** In the order of the log. */
export function saidIn(trace: readonly any[]): Said[] {
  const answered = new Set<string>();
  for (const r of trace) {
    if (r.type === "reply") for (const id of answersOf(r)) answered.add(id);
  }
  let withHuman = false;
  const said: Said[] = [];
  for (const r of trace) {
    if (r.type === "status" && String(r.to).startsWith("channel/"))
      withHuman = r.data?.state === "with_human";
    else if (r.type === "customer.message") {
      said.push({
        seq: r.seq,
        id: r.id,
        role: "customer",
        text: String(r.data?.text ?? ""),
        taken: withHuman || answered.has(r.id),
      });
    } else if (r.type === "reply") {
      said.push({
        seq: r.seq,
        id: r.id,
        role: r.data?.role === "human" ? "human" : "desk",
        text: String(r.data?.text ?? ""),
      });
    }
  }
  return said;
}

function answersOf(r: any): string[] {
  const list = r.clear?.answers ?? r.data?.answers;
  return Array.isArray(list) ? list : [];
}

/**
 * What comes out the same when a conversation is played again: `[role, text]` in the order of the log, then `["skill", name]` in the
 * order in which they were called. Of those that are called at once, now one and now another is the first to answer.
 */
export function saidAndDone(trace: readonly any[]): unknown[] {
  const said: unknown[] = [];
  const calls: { readonly by: string; readonly number: number; readonly name: string }[] = [];
  for (const r of trace) {
    const asked = askedIn(r);
    if (r.type === "customer.message") said.push(["customer", r.data?.text]);
    else if (r.type === "reply") said.push([r.data?.role === "human" ? "human" : "desk", r.data?.text]);
    else if (asked) {
      const by = [r.from, r.to].map(kindOf).find((kind) => kind !== "service")!;
      calls.push({ by, number: numberOf(r.clear.name), name: `${asked.service}.${asked.operation}` });
    }
  }
  calls.sort((a, b) => compared(a.by, b.by) || a.number - b.number || compared(a.name, b.name));
  return [...said, ...calls.map(({ name }) => ["skill", name])];
}

function kindOf(address: unknown): string {
  return String(address).split("/")[0]!;
}

/** Agents number what they ask: `call.4`. */
function numberOf(name: unknown): number {
  return Number(/\.(\d+)$/.exec(String(name))?.[1] ?? 0);
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
