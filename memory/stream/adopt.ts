/** Writes to the stream what only the database has: the memory of a release before there was a stream, or what the stream has lost. */
import { derivedId } from "../../runtime/ids.ts";
import type { StoreParts } from "../store/contents.ts";
import { secondWords } from "../store/database.ts";
import type { Fact } from "../store/facts.ts";
import type { Turn } from "../store/sayings.ts";
import { type FactEvent, inPieces, type MemoryEvent } from "./event.ts";

/**
 * Facts keep their ids and come in the order in which they were learnt, so that one closes the other as before.
 * @param above only what came with events after this sequence, -1 for all
 */
export async function adopt(
  { db, facts, turns, summaries, holds }: StoreParts,
  above: number,
  append: (event: MemoryEvent) => Promise<void>,
): Promise<void> {
  const isNew = ({ seq = above + 1 }: { readonly seq?: number }): boolean => seq > above;
  for await (const customer of secondWords(db, "fact")) {
    const learnt = [...(await facts.all(customer))].reverse();
    for (const fact of learnt.filter(isNew)) {
      const { id, recordedAt: at, expiresAt } = fact;
      const ttlMs = expiresAt === undefined ? undefined : expiresAt - at;
      await append({ type: "fact", id, at, customer, fact: { ...toldOf(fact), ttlMs } });
    }
  }
  for (const conversation of await turns.conversations()) {
    for (const piece of ofOneCustomer((await turns.of(conversation)).filter(isNew)).flatMap(inPieces)) {
      const { customer, turn, at } = piece[0]!;
      const id = derivedId(conversation, "adopted", above, turn);
      const said = piece.map(({ conversation: _, customer: __, seq: ___, ...each }) => each);
      await append({ type: "turns", id, at, conversation, customer, turns: said });
    }
  }
  for await (const conversation of secondWords(db, "summary")) {
    const summary = await summaries.of(conversation);
    if (!summary || !isNew({ seq: summary.seqs?.at(-1) })) continue;
    const { customer, at, text, outcome, by } = summary;
    const id = derivedId(conversation, "adopted", above, "summary");
    await append({ type: "summary", id, at, conversation, customer, summary: { text, outcome, by } });
  }
  for await (const customer of secondWords(db, "hold")) {
    const hold = await holds.of(customer);
    if (hold) await append({ type: "hold", id: derivedId(customer, "adopted", above), customer, ...hold });
  }
}

/** A fact as it was told. */
function toldOf(fact: Fact): FactEvent["fact"] {
  const { type, text, value, source, scope, purpose, readers, confidence, validFrom, vector } = fact;
  return { type, text, value, source, scope, purpose, readers, confidence, validFrom, vector };
}

function ofOneCustomer(turns: readonly Turn[]): Turn[][] {
  const runs: Turn[][] = [];
  for (const turn of turns) {
    const last = runs.at(-1);
    if (last && last[0]!.customer === turn.customer) last.push(turn);
    else runs.push([turn]);
  }
  return runs;
}
