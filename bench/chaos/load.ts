/** The customers of a run: each sends one message after the other, and tries each until it is accepted. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../rehydration/random/random.ts";
import type { NodeClient } from "./channel.ts";
import type { SentMessage } from "./history.ts";
import { WANTS, type Want } from "./machines.ts";
import { WORDS } from "./words.ts";

export interface LoadOptions {
  readonly seed: string;
  readonly conversations: number;
  /** Whether a message has its answer, as far as the log was read. */
  readonly isAnswered: (id: string) => boolean;
  /** Those who serve; a customer turns to the next one when one does not answer. */
  readonly nodes: readonly NodeClient[];
  /** Least and most time between two messages of a customer, ms. Default 700 to 3,000. */
  readonly thinkMs?: readonly [number, number];
}

const TRY_AGAIN_MS = 100;
const LOOK_AGAIN_MS = 100;
const LONGEST_TIMER_MS = 4_000;
/** How often each is wanted, in twentieths. */
const SHARES: Readonly<Record<Want, number>> = {
  read: 5,
  "write-keyed": 3,
  "write-asked": 3,
  "write-blind": 3,
  timer: 4,
  handoff: 2,
};
const HAT: readonly Want[] = WANTS.flatMap((want) => Array<Want>(SHARES[want]).fill(want));

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Load {
  readonly messages: Mutable<SentMessage>[] = [];
  readonly #o: LoadOptions;
  readonly #done = new AbortController();
  #givenUp = false;
  #customers: Promise<void>[] = [];
  #ids = 0;

  constructor(options: LoadOptions) {
    this.#o = options;
  }

  start(): void {
    setMaxListeners(this.#o.conversations, this.#done.signal);
    this.#customers = Array.from({ length: this.#o.conversations }, (_, i) => this.#customer(i));
  }

  /** No new messages; what was sent is still tried, for so long. */
  async end(patienceMs: number): Promise<void> {
    this.#done.abort();
    await Promise.race([Promise.all(this.#customers), sleep(patienceMs)]);
    this.#givenUp = true;
  }

  /** Sends a message, or a record of another type, until it is accepted or the load is given up. Answers the note of it. */
  async send(
    to: string,
    type: string,
    data: { readonly wants: SentMessage["wants"]; readonly ms?: number; readonly poison?: string },
  ): Promise<SentMessage> {
    const message: Mutable<SentMessage> = {
      to,
      id: this.#nextId(),
      wants: data.wants,
      ms: data.ms,
      sentAt: Date.now(),
    };
    if (type === "message") this.messages.push(message);
    const { nodes } = this.#o;
    // Any gateway serves any conversation; each message begins at another one.
    for (let i = this.#ids; ; i++) {
      const node = nodes[i % nodes.length]!;
      const { status, seq } = await node.send({ id: message.id, type, to, data: { ...data, text: WORDS } });
      if (status === 202) {
        message.acceptedAt = Date.now();
        message.seq = seq;
      }
      if (status === 202 || this.#givenUp) return message;
      await sleep(TRY_AGAIN_MS);
    }
  }

  #nextId(): string {
    return `m${this.#ids++}`;
  }

  async #customer(number: number): Promise<void> {
    const random = new Random(`${this.#o.seed} customer ${number}`);
    const [least, most] = this.#o.thinkMs ?? [700, 3_000];
    const to = `talk/c${number}/c${number}`;
    const { signal } = this.#done;
    for (let pause = random.between(0, most); ; pause = random.between(least, most)) {
      await sleep(pause, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const wants = random.pick(HAT);
      const ms = wants === "timer" ? random.between(100, LONGEST_TIMER_MS) : undefined;
      const { id } = await this.send(to, "message", { wants, ms });
      // Half of them wait for their answer: what is forgotten is not brought to mind by the next message.
      while (number % 2 === 0 && !signal.aborted && !this.#o.isAnswered(id)) {
        await sleep(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {});
      }
    }
  }
}
