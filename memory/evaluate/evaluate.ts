/** `eval memory`: how well it is found what was said, through the same agent that a desk asks. */
import type { Operation } from "../../runtime/host/service.ts";
import { newId } from "../../runtime/ids.ts";
import type { JsonObject } from "../../runtime/json.ts";
import type { Encoder } from "../encoder/index.ts";
import { rounded } from "../figures.ts";
import type { Memory } from "../index.ts";
import { encodeQuery } from "../retrieval/query.ts";
import { findUtterances, type UtteranceOptions } from "../retrieval/utterances.ts";
import type { Said } from "../store/sayings.ts";

export interface EvalTurn {
  readonly id: string;
  /** Whose memory it is in; questions are asked within one. */
  readonly conversation: string;
  readonly session?: string | number;
  readonly speaker?: string;
  readonly at?: string;
  readonly text: string;
}

export interface EvalQuestion {
  readonly id: string;
  readonly conversation: string;
  readonly text: string;
  /** Ids of the turns that answer it. */
  readonly evidence: readonly string[];
  readonly category?: string;
}

/** `recall@k`: means over questions of the part of the evidence that is among the first k that are returned. */
export type Recalls = Readonly<Record<`recall@${number}`, number>>;
export type MemoryScores = Recalls & { readonly byCategory: Readonly<Record<string, Recalls>> };

/** Ways of finding that are compared. */
export const BASELINES = {
  lexical: { vectorShare: 0, neighbours: [] },
  "lexical, neighbours": { vectorShare: 0 },
  vector: { vectorShare: 1, neighbours: [] },
} as const satisfies Record<string, UtteranceOptions>;
export type Baseline = keyof typeof BASELINES;

/** Turns that one ask keeps. */
const TURNS_AT_ONCE = 50;
const ASK_MS = 60_000;

/** Turns by where the memory has them: each conversation is a customer, each of its sessions a conversation. */
export class Places {
  readonly #customers = new Map<string, string>();
  readonly #ids = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  customer(conversation: string): string {
    let token = this.#customers.get(conversation);
    if (!token) {
      token = `customer-${this.#customers.size + 1}`;
      this.#customers.set(conversation, token);
    }
    return token;
  }

  /** Where the next turn goes. */
  next({ id, conversation, session = 1 }: EvalTurn): { conversation: string; turn: number } {
    // Tokens of addresses: a session may be called anything.
    const place = `${this.customer(conversation)}-${Buffer.from(String(session)).toString("base64url")}`;
    const turn = this.#counts.get(place) ?? 0;
    this.#counts.set(place, turn + 1);
    this.#ids.set(`${place}!${turn}`, id);
    return { conversation: place, turn };
  }

  idOf({ conversation, turn }: { conversation: string; turn: number }): string {
    return this.#ids.get(`${conversation}!${turn}`)!;
  }
}

/** Puts turns into a memory; `progress` counts them. */
export async function keepTurns(
  memory: Memory,
  turns: readonly EvalTurn[],
  progress: (done: number) => void = () => {},
): Promise<Places> {
  const places = new Places();
  const byPlace = new Map<string, { customer: string; turns: JsonObject[] }>();
  for (const [i, each] of turns.entries()) {
    const { conversation, turn } = places.next(each);
    const own = byPlace.get(conversation) ?? { customer: places.customer(each.conversation), turns: [] };
    byPlace.set(conversation, own);
    const { text, speaker, at } = each;
    const said = at === undefined ? Number.NaN : Date.parse(at);
    own.turns.push({ turn, at: Number.isNaN(said) ? i : said, text, ...(speaker ? { speaker } : {}) });
  }
  let done = 0;
  for (const [conversation, { customer, turns: own }] of byPlace) {
    for (let i = 0; i < own.length; i += TURNS_AT_ONCE) {
      const part = own.slice(i, i + TURNS_AT_ONCE);
      await ask(memory, "turns", { customer, conversation, turns: part });
      done += part.length;
      progress(done);
    }
  }
  return places;
}

/** What is returned for each question, as ids of turns, and how long each took. */
export async function askAll(
  memory: Memory,
  places: Places,
  questions: readonly EvalQuestion[],
  k: number,
): Promise<{ found: string[][]; ms: number[] }> {
  const found: string[][] = [];
  const ms: number[] = [];
  for (const { conversation, text } of questions) {
    const begun = performance.now();
    const answer = await ask(memory, "said", { customer: places.customer(conversation), text, k });
    ms.push(performance.now() - begun);
    found.push((answer.said as unknown as Said[]).map((said) => places.idOf(said)));
  }
  return { found, ms };
}

/** The same in another way. */
export async function askBaseline(
  memory: Memory,
  places: Places,
  questions: readonly EvalQuestion[],
  k: number,
  baseline: Baseline,
  encoder: Encoder,
): Promise<string[][]> {
  const known = new Map<string, readonly Said[]>();
  const found: string[][] = [];
  for (const { conversation, text } of questions) {
    const customer = places.customer(conversation);
    const said = known.get(customer) ?? (await memory.tiers.saidBy(customer, encoder.id));
    known.set(customer, said);
    const hits = findUtterances(said, await encodeQuery(text, encoder), { k, ...BASELINES[baseline] });
    found.push(hits.map(({ utterance }) => places.idOf(utterance)));
  }
  return found;
}

export function scoreMemory(
  questions: readonly EvalQuestion[],
  found: readonly string[][],
  ks: readonly number[],
): MemoryScores {
  const categories = new Map<string, number[]>();
  for (const [i, { category }] of questions.entries())
    if (category !== undefined) categories.set(category, [...(categories.get(category) ?? []), i]);
  const recalls = (those: readonly number[]): Recalls =>
    Object.fromEntries(
      ks.map((k) => [
        `recall@${k}`,
        mean(those.map((i) => share(questions[i]!.evidence, found[i]!.slice(0, k)))),
      ]),
    );
  return {
    ...recalls([...questions.keys()]),
    byCategory: Object.fromEntries([...categories].sort().map(([name, those]) => [name, recalls(those)])),
  } as MemoryScores;
}

function share(evidence: readonly string[], found: readonly string[]): number {
  const wanted = new Set(evidence);
  return found.filter((id) => wanted.has(id)).length / wanted.size;
}

function mean(values: readonly number[]): number {
  return rounded(values.reduce((sum, value) => sum + value, 0) / values.length);
}

async function ask(memory: Memory, operation: string, input: JsonObject): Promise<JsonObject> {
  const service = memory.services.find(({ name }) => name === "memory")!;
  const run = service.operations[operation] as Operation;
  const signal = AbortSignal.timeout(ASK_MS);
  const answer = await run(input, { idempotencyKey: newId(), deadline: Date.now() + ASK_MS, signal });
  return answer as JsonObject;
}
