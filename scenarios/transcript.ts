/** What was said in a conversation, from its trace, in the order of the log. */

export interface Said {
  readonly seq: number;
  readonly id: string;
  readonly role: "customer" | "desk" | "human";
  readonly text: string;
  /** Customer: answered by the desk, or in a person's hands. */
  readonly taken?: boolean;
}

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
