/** All that memory and knowledge keep, opened as far as that can be: for whoever looks for something in all of it. */
import { type Bus, subjectsOf } from "../../runtime/bus/index.ts";
import type { KeyRing } from "../../runtime/log/sealer.ts";
import { lookAtAll, lookAtStream, type VisitText } from "../../runtime/texts.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { type MemoryDb, secondWords } from "../store/database.ts";
import type { FactStore } from "../store/facts.ts";
import type { Holds } from "../store/holds.ts";
import type { Summaries } from "../store/summaries.ts";
import type { TurnStore } from "../store/turns.ts";
import { decodeEvent, isUnreadable } from "../stream/event.ts";

export interface MemoryTexts {
  readonly db: MemoryDb;
  readonly facts: Pick<FactStore, "all">;
  readonly turns: Pick<TurnStore, "of">;
  readonly summaries: Pick<Summaries, "of">;
  readonly holds: Pick<Holds, "of">;
  readonly knowledge: Pick<Knowledge, "list">;
  readonly keys: KeyRing;
  /** Where what memory is told is kept; absent where it is in the database alone. */
  readonly stream?: { readonly bus: Bus; readonly workspace: string };
}

/** Facts by customer, superseded ones too; turns by conversation, whichever tier they are in; summaries; holds; articles; events. */
export async function visitMemory(parts: MemoryTexts, visit: VisitText, signal?: AbortSignal): Promise<void> {
  const { db, facts, turns, summaries, holds, knowledge } = parts;
  const each = async (row: string, store: string, read: (id: string) => Promise<unknown>): Promise<void> => {
    await lookAtAll(secondWords(db, row), async (id) => {
      signal?.throwIfAborted();
      const text = JSON.stringify(await read(id));
      // Nothing is left to read of who was erased.
      if (text !== undefined && text !== "[]") await visit({ store, place: id, text });
    });
  };
  await each("fact", "facts", async (customer) =>
    (await facts.all(customer)).map(({ vector: _, ...fact }) => fact),
  );
  await each("turn", "turns", (conversation) => turns.of(conversation));
  await each("segment", "turns", (conversation) => turns.of(conversation));
  await each("summary", "summaries", (conversation) => summaries.of(conversation));
  await each("hold", "holds", (customer) => holds.of(customer));
  for (const article of knowledge.list())
    await visit({ store: "articles", place: article.id, text: JSON.stringify(article) });
  if (parts.stream) await visitEvents(parts.stream, parts.keys, visit, signal);
}

async function visitEvents(
  { bus, workspace }: NonNullable<MemoryTexts["stream"]>,
  keys: KeyRing,
  visit: VisitText,
  signal?: AbortSignal,
): Promise<void> {
  const { memoryStream: stream, memory: subject } = subjectsOf(workspace);
  const look = async ({ seq, data }: { readonly seq: number; readonly data: Uint8Array }): Promise<void> => {
    const closed = Buffer.from(data).toString("latin1");
    const opened = await decodeEvent(data, keys).catch((error) => {
      if (!isUnreadable(error)) throw error;
      return undefined;
    });
    const text = opened
      ? JSON.stringify(opened, (_, value) => (value instanceof Float32Array ? undefined : value))
      : closed;
    await visit({ store: "memory's stream", place: String(seq), text });
  };
  await lookAtStream(bus, { stream, subject }, look, signal);
}
