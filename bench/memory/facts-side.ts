/** A desk's memory of customers: how it opens, what it holds, and how long a recall takes. */
import { type OpenEncoder, openEncoder } from "../../memory/encoder/index.ts";
import { type Memory, openMemory } from "../../memory/index.ts";
import { encodeQuery } from "../../memory/retrieval/query.ts";
import type { Operation } from "../../runtime/host/service.ts";
import { Latencies, type Percentiles } from "../harness/index.ts";
import { Random } from "../rehydration/random/random.ts";
import { customerKey, type Held, held, type Joined, join, type Place, WORKSPACE } from "./place.ts";
import type { Side } from "./roles.ts";
import { question } from "./texts.ts";

export interface OpenFacts extends Place {
  readonly customers: number;
  /** Different questions that are asked; their vectors are computed beforehand. */
  readonly questions: number;
}

export interface FactsOpened {
  /** Until it answers recalls, ms. */
  readonly openMs: number;
  readonly held: Held;
}

/** Hits of one recall: what the desk asks for. */
const HITS = 5;

export function factsSide(): Side {
  let encoder: OpenEncoder | undefined;
  let joined: Joined | undefined;
  let memory: Memory | undefined;
  let customers: number[] = [];
  let questions: string[] = [];
  let asked = 0;

  async function open(options: OpenFacts): Promise<FactsOpened> {
    joined = await join(options);
    encoder = await openEncoder(options.encoder);
    const begun = performance.now();
    memory = await openMemory({
      dir: `${options.dir}/memory`,
      keys: joined.keys,
      knowledgeDirs: [],
      encoder,
      stream: { bus: joined.bus, workspace: WORKSPACE },
    });
    for (const service of memory.services) await service.start?.();
    const openMs = performance.now() - begun;
    customers = shuffled(options.customers, new Random(`${options.seed} order`));
    questions = Array.from({ length: options.questions }, (_, n) => question(options.seed, n));
    // They come from the encoder's cache from here on.
    for (const text of questions) await encodeQuery(text, encoder);
    return { openMs, held: held() };
  }

  /** One recall after the other, each of a customer who was not looked at before, as long as there are any. */
  async function recall({ recalls }: { recalls: number }): Promise<Percentiles> {
    const ask = memory!.services.find(({ name }) => name === "memory")!.operations.recall as Operation;
    const latencies = new Latencies();
    for (let n = 0; n < recalls; n++, asked++) {
      const customer = customerKey(customers[asked % customers.length]!);
      const text = questions[asked % questions.length]!;
      const context = { idempotencyKey: "", deadline: 0, signal: new AbortController().signal };
      const from = performance.now();
      const { facts } = (await ask({ customer, text, k: HITS }, context)) as unknown as { facts: unknown[] };
      latencies.record(performance.now() - from);
      if (facts.length !== HITS)
        throw new Error(`${facts.length} facts of ${customer} were recalled instead of ${HITS}`);
    }
    return latencies.percentiles()!;
  }

  async function end(): Promise<void> {
    for (const service of memory?.services ?? []) await service.stop?.();
    await memory?.close();
    await encoder?.close();
    await joined?.leave();
  }

  return { handlers: { open, recall, held }, end };
}

function shuffled(count: number, random: Random): number[] {
  const numbers = Array.from({ length: count }, (_, n) => n);
  for (let i = count - 1; i > 0; i--) {
    const other = random.between(0, i);
    [numbers[i], numbers[other]] = [numbers[other]!, numbers[i]!];
  }
  return numbers;
}
