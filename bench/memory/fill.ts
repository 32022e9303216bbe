/**
 * Fills a memory with facts: the events are written to its stream, and a node's copy is folded from it, as after the loss of a
 * disk. The one place of the bench that knows how facts get into memory.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type OpenEncoder, openEncoder } from "../../memory/encoder/index.ts";
import { openMemory } from "../../memory/index.ts";
import type { FactVector } from "../../memory/store/facts.ts";
import { encodeEvent } from "../../memory/stream/event.ts";
import { subjectsOf } from "../../runtime/bus/index.ts";
import { derivedId } from "../../runtime/ids.ts";
import { HEADER_ID } from "../../runtime/log/codec.ts";
import { acknowledged, ensureStream } from "../../runtime/log/stream.ts";
import { Random } from "../rehydration/random/random.ts";
import {
  customerKey,
  FACTS_OF_CUSTOMER,
  type Joined,
  join,
  type Place,
  TEXTS_AT_ONCE,
  WORKSPACE,
} from "./place.ts";
import type { Side } from "./roles.ts";
import { type BenchFact, fact } from "./texts.ts";

export interface Fill extends Place {
  readonly customers: number;
  /** Different texts, each encoded once; customers share them, as they share wishes and complaints. */
  readonly texts: number;
}

export interface Filled {
  /** Seconds for the events, and for folding them. */
  readonly appendSeconds: number;
  readonly foldSeconds: number;
}

export type EncodedFact = BenchFact & { readonly vector: FactVector };

/** Customers whose facts are written at once. */
const WRITERS = 64;
const APPEND_MS = 30_000;
const POLL_MS = 20;
/** The past in which everything was said: a day for each fact of a customer. */
const DAY_MS = 86_400_000;

export function fillSide(): Side {
  return { handlers: { fill }, end: async () => {} };
}

async function fill(options: Fill): Promise<Filled> {
  const joined = await join(options);
  try {
    const encoder = await openEncoder(options.encoder);
    const texts = await encodedFacts(options, encoder).finally(() => encoder.close());
    const begun = performance.now();
    const customers = Array.from({ length: options.customers }, (_, n) => customerKey(n));
    const { seed } = options;
    await appendFacts({ workspace: WORKSPACE, seed, customers, facts: FACTS_OF_CUSTOMER }, joined, texts);
    const appended = performance.now();
    const events = customers.length * FACTS_OF_CUSTOMER;
    await foldMemory({ dir: `${options.dir}/memory`, workspace: WORKSPACE, events }, joined);
    return { appendSeconds: (appended - begun) / 1_000, foldSeconds: (performance.now() - appended) / 1_000 };
  } finally {
    await joined.leave();
  }
}

/** Different texts of facts, with their vectors. */
export async function encodedFacts(
  { seed, texts }: Pick<Fill, "seed" | "texts">,
  encoder: OpenEncoder,
): Promise<EncodedFact[]> {
  const byText = new Map<string, BenchFact>();
  for (let n = 0; byText.size < texts; n++) {
    const drawn = fact(seed, n);
    byText.set(drawn.text, drawn);
  }
  const facts = [...byText.values()];
  const encoded: EncodedFact[] = [];
  for (let i = 0; i < facts.length; i += TEXTS_AT_ONCE) {
    const some = facts.slice(i, i + TEXTS_AT_ONCE);
    const vectors = await encoder.encode(some.map(({ text }) => text));
    for (const [n, each] of some.entries())
      encoded.push({ ...each, vector: { model: encoder.id, data: vectors[n]! } });
  }
  return encoded;
}

export interface Known {
  readonly workspace: string;
  readonly seed: string;
  /** Keys under which customers are known. */
  readonly customers: readonly string[];
  /** Facts of each. */
  readonly facts: number;
  readonly onProgress?: (customers: number) => void;
}

/** Writes each customer's facts, one after the other, and many customers' at once. */
export async function appendFacts(
  { workspace, seed, customers, facts, onProgress }: Known,
  { bus, keys }: Pick<Joined, "bus" | "keys">,
  texts: readonly EncodedFact[],
): Promise<void> {
  const names = subjectsOf(workspace);
  await ensureStream(bus, names.memoryStream, [names.memory], { replicas: 1 });
  const begun = Date.now() - (facts + 1) * DAY_MS;
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let n = next++; n < customers.length; n = next++) {
      const customer = customers[n]!;
      for (const [i, told] of chosen(new Random(`${seed} customer ${n}`), texts, facts).entries()) {
        const at = begun + i * DAY_MS;
        const id = derivedId(customer, "fact", i);
        const source = { conversation: derivedId(customer, "conversation", i >> 2), at };
        const data = await encodeEvent(
          { type: "fact", id, at, customer, fact: { ...told, value: null, source } },
          keys,
        );
        acknowledged(
          await bus.request(names.memory, data!, { timeoutMs: APPEND_MS, headers: { [HEADER_ID]: id } }),
        );
      }
      onProgress?.(n + 1);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

function chosen(random: Random, texts: readonly EncodedFact[], n: number): EncodedFact[] {
  const own = new Set<EncodedFact>();
  while (own.size < n) own.add(random.pick(texts));
  return [...own];
}

/** Folds what the stream has into a node's memory, until so many events are. */
export async function foldMemory(
  { dir, workspace, events }: { readonly dir: string; readonly workspace: string; readonly events: number },
  { bus, keys }: Pick<Joined, "bus" | "keys">,
): Promise<void> {
  const memory = await openMemory({ dir, keys, knowledgeDirs: [], stream: { bus, workspace } });
  try {
    while (memory.progress!.applied < events) {
      if (memory.progress!.trouble) throw new Error(`the memory does not fold: ${memory.progress!.trouble}`);
      await sleep(POLL_MS);
    }
  } finally {
    await memory.close();
  }
}
