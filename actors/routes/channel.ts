/**
 * A conversation as its customer sees it. The records of `channel/<conversation>/…` are what the customer is shown;
 * this turns them into events, and together with the customer's own messages into a transcript.
 */
import type { Engine } from "../../runtime/engine.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import type { EventSource, StreamEvent } from "../../runtime/gateway/index.ts";

/** Types of channel records → names of events. Other types are not for the customer. */
const EVENTS: Readonly<Record<string, string>> = {
  reply: "message",
  typing: "typing",
  status: "status",
  handoff: "handoff",
  offer: "offer",
  outcome: "outcome",
};

/** One line of the transcript. */
export interface TranscriptEntry {
  readonly seq: number;
  readonly messageId: string;
  readonly at: string;
  readonly role: "customer" | "desk" | "human";
  readonly text: string;
  /** Name of the person, when a person answered. */
  readonly author?: string;
  readonly quickReplies?: unknown;
  readonly citations?: unknown;
  /** Ids of the customer's messages that a reply answers. */
  readonly answers?: unknown;
}

/** The event of a record, or undefined when the customer does not see it. */
export function eventOf(record: StoredRecord): StreamEvent | undefined {
  const event = record.to.kind === "channel" ? EVENTS[record.type] : undefined;
  if (event === undefined) return undefined;
  const at = new Date(record.at).toISOString();
  const base = event === "message" ? { messageId: record.id, role: "desk" } : {};
  return { seq: record.seq, event, data: { ...base, ...record.clear, ...record.data, at } };
}

export function transcriptOf(records: readonly StoredRecord[]): TranscriptEntry[] {
  const entries: TranscriptEntry[] = [];
  for (const r of records) {
    const base = { seq: r.seq, messageId: r.id, at: new Date(r.at).toISOString() };
    const { text, role, author, quickReplies, citations } = r.data;
    if (r.to.kind === "conversation" && r.type === "customer.message") {
      entries.push({ ...base, role: "customer", text: String(text ?? "") });
    } else if (r.to.kind === "channel" && r.type === "reply") {
      entries.push({
        ...base,
        role: role === "human" ? "human" : "desk",
        text: String(text ?? ""),
        ...(typeof author === "string" ? { author } : {}),
        ...(quickReplies === undefined ? {} : { quickReplies }),
        ...(citations === undefined ? {} : { citations }),
        ...(r.clear.answers === undefined ? {} : { answers: r.clear.answers }),
      });
    }
  }
  return entries;
}

/** What a stream of one conversation is read from. */
export function channelSource(engine: Engine, conversation: string): EventSource {
  return {
    follow: (listener) =>
      engine.follow(conversation, (record) => {
        const event = eventOf(record);
        if (event) listener(event);
      }),
    read: async (after) => {
      const left = await engine.leftOfKey(conversation);
      const events = (await engine.recordsOfKey(conversation, after)).map(eventOf);
      // Who asks for more than there is left is told so, at the place of what is missing.
      const gap: StreamEvent[] = after < left ? [{ seq: left, event: "left", data: { upTo: left } }] : [];
      return [...gap, ...events.filter((e) => e !== undefined)];
    },
  };
}
