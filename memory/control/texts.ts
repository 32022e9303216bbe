/** All that memory and knowledge keep, opened as far as that can be: for whoever looks for something in all of it. */
import type { VisitText } from "../../runtime/texts.ts";
import type { KnowledgeBase } from "../knowledge/base.ts";
import type { MemoryDb } from "../store/database.ts";
import type { FactStore } from "../store/facts.ts";
import type { TurnStore } from "../store/turns.ts";

export interface MemoryTexts {
  readonly db: MemoryDb;
  readonly facts: Pick<FactStore, "all">;
  readonly turns: Pick<TurnStore, "of">;
  readonly knowledge: Pick<KnowledgeBase, "list">;
}

/** Facts by customer, superseded ones too; turns by conversation, whichever tier they are in; articles. */
export async function visitMemory(
  { db, facts, turns, knowledge }: MemoryTexts,
  visit: VisitText,
  signal?: AbortSignal,
): Promise<void> {
  for await (const customer of secondParts(db, "fact")) {
    signal?.throwIfAborted();
    const all = (await facts.all(customer)).map(({ vector: _, ...fact }) => fact);
    if (all.length > 0) await visit({ store: "facts", place: customer, text: JSON.stringify(all) });
  }
  for (const what of ["turn", "segment"]) {
    for await (const conversation of secondParts(db, what)) {
      signal?.throwIfAborted();
      const said = await turns.of(conversation);
      if (said.length > 0) await visit({ store: "turns", place: conversation, text: JSON.stringify(said) });
    }
  }
  for (const article of knowledge.list())
    await visit({ store: "articles", place: article.id, text: JSON.stringify(article) });
}

/** What stands behind the first part of keys, each once. */
async function* secondParts(db: MemoryDb, first: string): AsyncGenerator<string> {
  let last: string | undefined;
  for await (const key of db.keys({ gte: `${first}!`, lt: `${first}"` })) {
    const part = key.slice(first.length + 1).split("!")[0]!;
    if (part !== last) yield part;
    last = part;
  }
}
