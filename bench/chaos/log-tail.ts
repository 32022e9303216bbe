/**
 * What the log has, read record by record by sequence and without a node: its clear parts, and whether a customer's words can
 * be read in it by anybody.
 */

import { formatAddress } from "../../runtime/address.ts";
import type { Bus } from "../../runtime/bus/index.ts";
import { fromWire } from "../../runtime/envelope.ts";
import { messageAt, streamState } from "../../runtime/log/stream.ts";
import { answeredBy } from "./checker.ts";
import type { Letter, LoggedRecord } from "./history.ts";
import { WORDS } from "./words.ts";

const WINDOW = 64;
const TIME = "Nats-Time-Stamp";

export class LogTail {
  readonly records: LoggedRecord[] = [];
  /** Messages that have an answer. */
  readonly answered = new Set<string>();
  readonly leaks: string[] = [];
  readonly #bus: Bus;
  readonly #stream: string;
  #next = 1;

  constructor(bus: Bus, stream: string) {
    this.#bus = bus;
    this.#stream = stream;
  }

  /** Reads what was added since. @throws what the server says when it can't be reached; then nothing is skipped */
  async catchUp(): Promise<void> {
    const { lastSeq } = await streamState(this.#bus, this.#stream);
    while (this.#next <= lastSeq) {
      const seqs = Array.from(
        { length: Math.min(WINDOW, lastSeq - this.#next + 1) },
        (_, i) => this.#next + i,
      );
      const messages = await Promise.all(seqs.map((seq) => messageAt(this.#bus, this.#stream, seq)));
      for (const [i, message] of messages.entries()) {
        if (message) this.#take(seqs[i]!, message.data, Date.parse(message.header(TIME) ?? ""));
      }
      this.#next += seqs.length;
    }
  }

  #take(seq: number, data: Uint8Array, at: number): void {
    const text = Buffer.from(data).toString("utf8");
    try {
      const { envelope, sealed = "" } = fromWire(JSON.parse(text));
      const { id, type, to, from, epoch, clear } = envelope;
      const record = { seq, at, id, type, to: formatAddress(to), from: formatAddress(from), epoch, clear };
      this.records.push(record);
      const message = answeredBy(record);
      if (message !== undefined) this.answered.add(message);
      if (text.includes(WORDS) || Buffer.from(sealed, "base64").toString("latin1").includes(WORDS)) {
        this.leaks.push(`${type} ${id} at ${seq} of the log`);
      }
    } catch {
      // Somebody else's, and no record.
    }
  }
}

/** The dead letters, without what is sealed in them. */
export async function readLetters(bus: Bus, stream: string): Promise<Letter[]> {
  const { firstSeq, lastSeq, messages } = await streamState(bus, stream);
  const letters: Letter[] = [];
  if (messages === 0) return letters;
  for (let n = firstSeq; n <= lastSeq; n++) {
    const message = await messageAt(bus, stream, n);
    if (!message) continue;
    const { seq, recordId, to, type } = JSON.parse(Buffer.from(message.data).toString("utf8"));
    letters.push({ seq, recordId, to, type });
  }
  return letters;
}
