/**
 * Dead letters: records that were given up on, kept with the reason until a person retries or drops them.
 *
 * The letter holds the original bytes; the reason, which may quote personal text, is sealed like the record was.
 */
import type { Bus } from "../bus/bus.ts";
import { decodeRecord } from "./codec.ts";
import type { KeyRing } from "./sealer.ts";
import { deleteMessage, ensureStream, jetStreamApi, messageAt, streamState } from "./stream.ts";

interface LetterContent {
  readonly recordId?: string;
  readonly seq?: number;
  readonly to?: string;
  readonly type?: string;
  readonly attempts: number;
  readonly reason: string;
  readonly stack?: string;
}

export interface DeadLetter extends LetterContent {
  /** Number of the letter, for `show`, `retry` and `drop`. */
  readonly number: number;
  readonly at: string;
}

export interface NewDeadLetter extends LetterContent {
  /** Data subject whose key seals reason and stack. */
  readonly key?: string;
  /** The record as it was in the log. */
  readonly original: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** What is kept of a reason and of a stack, characters each. */
const LONGEST_TEXT = 8_000;
/** Stands for a reason whose data subject was erased. */
const ERASED = "erased";
/** Left for everything besides the original, bytes. */
const LETTER_BYTES = 64 * 1024;

export interface DeadLetterNames {
  readonly stream: string;
  readonly subject: string;
  /** The log: where an original that is too large for a letter can still be read. */
  readonly log: string;
}

export class DeadLetters {
  readonly #bus: Bus;
  readonly #keys: KeyRing;
  readonly #stream: string;
  readonly #subject: string;
  readonly #log: string;

  constructor(bus: Bus, keys: KeyRing, names: DeadLetterNames) {
    this.#bus = bus;
    this.#keys = keys;
    this.#stream = names.stream;
    this.#subject = names.subject;
    this.#log = names.log;
  }

  /** @param replicas copies in a cluster of servers */
  async open(replicas = 1): Promise<void> {
    await ensureStream(this.#bus, this.#stream, [this.#subject], { replicas });
  }

  /** Keeps a letter; the same record and attempt is kept once. */
  async put(letter: NewDeadLetter): Promise<void> {
    const { original, key, reason, stack, ...clear } = letter;
    const id = `dead-${letter.recordId ?? letter.seq ?? ""}-${letter.seq ?? ""}`;
    const sealer = key ? await this.#keys.sealer(key, { create: true }) : undefined;
    const secret = { reason: reason.slice(0, LONGEST_TEXT), stack: stack?.slice(0, LONGEST_TEXT) };
    const tooLarge = (original.byteLength * 4) / 3 + LETTER_BYTES > this.#bus.maxPayload;
    const body = {
      ...clear,
      key,
      at: new Date().toISOString(),
      // Its place in the log is enough then.
      original: tooLarge ? "" : Buffer.from(original).toString("base64"),
      ...(sealer
        ? { sealed: sealer.seal(encoder.encode(JSON.stringify(secret)), id).toString("base64") }
        : key
          ? { reason: ERASED }
          : secret),
    };
    const reply = await this.#bus.request(this.#subject, encoder.encode(JSON.stringify(body)), {
      headers: { "Nats-Msg-Id": id },
      timeoutMs: 5_000,
    });
    const ack = JSON.parse(decoder.decode(reply.data));
    if (ack.error) throw new Error(`dead letter not kept: ${ack.error.description}`);
  }

  /** The letters, oldest first. */
  async list(limit = 1_000): Promise<DeadLetter[]> {
    const { firstSeq, lastSeq, messages } = await streamState(this.#bus, this.#stream);
    const letters: DeadLetter[] = [];
    if (messages === 0) return letters;
    for (let n = firstSeq; n <= lastSeq && letters.length < limit; n++) {
      const found = await this.#read(n);
      if (found) letters.push(found.letter);
    }
    return letters;
  }

  async show(number: number): Promise<DeadLetter | undefined> {
    return (await this.#read(number))?.letter;
  }

  /** The bytes of the record that the letter is about. */
  async original(number: number): Promise<Uint8Array | undefined> {
    return (await this.#read(number))?.original;
  }

  /**
   * The lowest sequence of the log that a letter still needs for its original, or for the body of that, which leaves with the
   * record; infinity where none does.
   */
  async lowestInLog(): Promise<number> {
    const { firstSeq, lastSeq, messages } = await streamState(this.#bus, this.#stream);
    let lowest = Number.POSITIVE_INFINITY;
    for (let n = firstSeq; messages > 0 && n <= lastSeq; n++) {
      const message = await messageAt(this.#bus, this.#stream, n);
      if (!message) continue;
      const { original, seq } = JSON.parse(decoder.decode(message.data));
      if ((original === "" || isApart(original)) && seq < lowest) lowest = seq;
    }
    return lowest;
  }

  async drop(number: number): Promise<void> {
    await deleteMessage(this.#bus, this.#stream, number);
  }

  async count(): Promise<number> {
    const { state } = await jetStreamApi(this.#bus, `STREAM.INFO.${this.#stream}`, undefined);
    return state.messages;
  }

  async #read(number: number): Promise<{ letter: DeadLetter; original: Uint8Array } | undefined> {
    const message = await messageAt(this.#bus, this.#stream, number);
    if (!message) return undefined;
    const { sealed, key, original, ...clear } = JSON.parse(decoder.decode(message.data));
    let secret: { reason?: string; stack?: string } = {};
    if (sealed) {
      const sealer = await this.#keys.sealer(key);
      const id = `dead-${clear.recordId ?? clear.seq ?? ""}-${clear.seq ?? ""}`;
      secret = sealer
        ? JSON.parse(decoder.decode(sealer.open(Buffer.from(sealed, "base64"), id)))
        : { reason: ERASED };
    }
    const letter: DeadLetter = { number, reason: "", ...clear, ...secret };
    if (original !== "" || letter.seq === undefined) {
      return { letter, original: Buffer.from(original, "base64") };
    }
    const inLog = await messageAt(this.#bus, this.#log, letter.seq);
    return { letter, original: inLog?.data ?? new Uint8Array() };
  }
}

/** Whether the body of a record lies apart from it. */
function isApart(original: string): boolean {
  try {
    return decodeRecord(0, Buffer.from(original, "base64")).apart;
  } catch {
    return false;
  }
}
