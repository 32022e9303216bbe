/** One conversation over HTTP: sends, follows the answers, knows when the desk has said what it had to say. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { AdminClient, ServerEvent } from "../../runtime/config/cli.ts";

export interface Reply {
  readonly role: "desk" | "human";
  readonly text: string;
  readonly author?: string;
  readonly quickReplies?: readonly string[];
  readonly citations?: readonly { readonly id: string; readonly title?: string }[];
}

export interface SessionOptions {
  readonly channel: string;
  readonly customer: { readonly id?: string; readonly name?: string; readonly email?: string };
  /** The channel knows who this is: no verification is asked for. */
  readonly vouched: boolean;
  readonly onReply: (reply: Reply) => void;
  /** Other events: `typing`, `status`, `handoff`, `offer`, `outcome`. */
  readonly onEvent?: (name: string, data: Readonly<Record<string, unknown>>) => void;
  /** After an answer, this long without another one ends the wait. Default 400 ms. */
  readonly quietMs?: number;
  /** How long an answer is waited for. Default 30,000 ms. */
  readonly answerMs?: number;
  /** How long a person's answer is waited for once one has taken over. Default 1,500 ms. */
  readonly humanMs?: number;
}

/** How often a message is sent again when the desk cannot be reached or is busy. */
const ATTEMPTS = 8;

export class ChatSession {
  readonly #client: AdminClient;
  readonly #o: Required<Pick<SessionOptions, "quietMs" | "answerMs" | "humanMs">> & SessionOptions;
  readonly #stop = new AbortController();
  #id = "";
  #last = 0;
  #answered = new Set<string>();
  #latest = 0;
  #withHuman = false;
  #wake: (() => void)[] = [];
  #following: Promise<void> | undefined;

  constructor(client: AdminClient, options: SessionOptions) {
    this.#client = client;
    this.#o = { quietMs: 400, answerMs: 30_000, humanMs: 1_500, ...options };
  }

  get id(): string {
    return this.#id;
  }

  async open(): Promise<void> {
    const { channel, customer, vouched } = this.#o;
    const opened = await this.#client.post<{ conversationId: string; offset: number }>("/v1/conversations", {
      channel,
      customer,
      vouched,
    });
    this.#id = opened.conversationId;
    this.#last = opened.offset;
    this.#following = this.#follow();
  }

  /** Sends one message; it is accepted once, however often it has to be sent. Answers its id. */
  async send(text: string): Promise<string> {
    const clientMessageId = randomUUID();
    for (let attempt = 1; ; attempt++) {
      try {
        const { messageId } = await this.#client.post<{ messageId: string }>(
          `/v1/conversations/${this.#id}/messages`,
          { text, clientMessageId },
        );
        return messageId;
      } catch (error) {
        const { status } = error as { status?: number };
        const passing = status === undefined || status === 429 || status >= 500;
        if (!passing || attempt >= ATTEMPTS) throw error;
        await sleep(Math.min(250 * 2 ** attempt, 4_000));
      }
    }
  }

  /**
   * Waits until the message is answered and nothing more comes.
   * @returns false when nobody answered in time.
   */
  async settled(messageId: string): Promise<boolean> {
    const { answerMs, quietMs, humanMs } = this.#o;
    const sent = performance.now();
    for (;;) {
      const now = performance.now();
      if (this.#answered.has(messageId)) {
        const left = this.#latest + quietMs - now;
        if (left <= 0) return true;
        await this.#next(left);
      } else if (this.#withHuman) {
        const left = sent + humanMs - now;
        if (left <= 0) return true;
        await this.#next(left);
      } else {
        const left = sent + answerMs - now;
        if (left <= 0) return false;
        await this.#next(left);
      }
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  /** Waits for the next event, at most so long. */
  async #next(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake.push(resolve);
      timer = setTimeout(resolve, Math.max(1, ms));
    });
    clearTimeout(timer);
  }

  /** Follows the events and comes back after the last one when the line breaks. */
  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    for (let pause = 250; !signal.aborted; pause = Math.min(pause * 2, 4_000)) {
      try {
        for await (const e of this.#client.stream(`/v1/conversations/${this.#id}/events`, {
          signal,
          lastEventId: String(this.#last),
        })) {
          pause = 250;
          this.#take(e);
        }
      } catch {
        // The next round says whether the desk is back.
      }
      if (!signal.aborted) await sleep(pause, undefined, { signal }).catch(() => {});
    }
  }

  #take({ id, event, data }: ServerEvent): void {
    const seq = Number(id);
    if (!(seq > this.#last)) return;
    this.#last = seq;
    const d = data as Record<string, unknown>;
    if (event === "message") {
      for (const answer of Array.isArray(d.answers) ? d.answers : []) this.#answered.add(String(answer));
      this.#latest = performance.now();
      this.#o.onReply(d as unknown as Reply);
    } else {
      if (event === "status") this.#withHuman = d.state === "with_human";
      this.#o.onEvent?.(event, d);
    }
    for (const wake of this.#wake.splice(0)) wake();
  }
}
