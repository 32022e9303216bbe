/** All that is folded in a database, opened and in an order that does not depend on how it came there: for comparing two. */
import { createHash } from "node:crypto";
import { canonicalJson, type Json } from "../../runtime/json.ts";
import { bytesOf } from "./bytes.ts";
import { type MemoryDb, secondWords } from "./database.ts";
import type { FactStore } from "./facts.ts";
import type { Holds } from "./holds.ts";
import type { Summaries } from "./summaries.ts";
import type { TurnStore } from "./turns.ts";

export interface StoreParts {
  readonly db: MemoryDb;
  readonly facts: FactStore;
  readonly turns: TurnStore;
  readonly summaries: Summaries;
  readonly holds: Holds;
}

/** A line for each fact, turn, summary, known conversation and hold, by its place. */
export async function* contents(parts: StoreParts): AsyncGenerator<[string, string]> {
  const { db, facts, turns, summaries, holds } = parts;
  for await (const customer of secondWords(db, "fact")) {
    const kept = [...(await facts.kept(customer))].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const { vector, ...fact } of kept) {
      const of = vector ? { model: vector.model, data: hashOf(vector.data) } : null;
      yield [`fact ${customer} ${fact.id}`, line({ ...fact, vector: of })];
    }
  }
  for (const conversation of await turns.conversations())
    for (const turn of await turns.of(conversation)) yield [`turn ${conversation} ${turn.turn}`, line(turn)];
  for await (const conversation of secondWords(db, "summary"))
    yield [`summary ${conversation}`, line((await summaries.of(conversation)) ?? null)];
  for await (const customer of secondWords(db, "conversation"))
    for (const conversation of await turns.conversationsOf(customer))
      yield [`known ${customer} ${conversation}`, ""];
  for await (const customer of secondWords(db, "hold"))
    yield [`hold ${customer}`, line((await holds.of(customer)) ?? null)];
}

/** Members without a value are as good as absent. */
function line(value: unknown): string {
  return canonicalJson(JSON.parse(JSON.stringify(value)) as Json);
}

function hashOf(data: Float32Array): string {
  return createHash("sha256").update(bytesOf(data)).digest("base64url");
}
