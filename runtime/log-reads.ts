/** Records of an actor or of a key, read from the log one by one as the index names them. */
import type { Address } from "./address.ts";
import type { StoredRecord } from "./envelope.ts";
import type { HostLog } from "./host/host-options.ts";
import { BodyLostError } from "./log/bodies.ts";
import { type LogSource, readRecord } from "./log/read.ts";
import type { RecordIndex } from "./log/record-index.ts";
import { streamState } from "./log/stream.ts";
import { rethrow } from "./unavailable.ts";

/** Reads of the log that are under way at once. */
const FETCH_WINDOW = 32;

export class LogReads {
  readonly #source: LogSource;
  readonly #index: RecordIndex;
  readonly #log: HostLog;

  constructor(source: LogSource, index: RecordIndex, log: HostLog) {
    this.#source = source;
    this.#index = index;
    this.#log = log;
  }

  /** In log order, with seq > after. @throws UnavailableError */
  async ofActor(address: Address, after: number): Promise<StoredRecord[]> {
    return this.#fetch(await this.#index.ofActor(address, after));
  }

  /** In log order, with seq > after. @throws UnavailableError */
  async ofKey(key: string, after: number): Promise<StoredRecord[]> {
    return this.#fetch((await this.#index.ofKey(key, after)).map(({ seq }) => seq));
  }

  /** Actors of a kind that have records in the log, the latest first. */
  async latest(kind: string, count: number): Promise<Address[]> {
    const found = await this.#index.latest(kind, count);
    return found.filter(({ seq }) => seq >= this.#index.first).map(({ to }) => to);
  }

  /** Last sequence up to which records of the key may have left the log, 0 where none has. @throws UnavailableError */
  async leftOfKey(key: string): Promise<number> {
    const [first] = await this.#index.ofKey(key);
    if (!first) return 0;
    const { first: firstOfLog } = this.#index;
    // A node that never saw them has it from what it can still read: a checkpoint says where its actor began.
    const begins = first.seq < firstOfLog ? first.seq : await this.#beginOf(key);
    return begins < firstOfLog ? firstOfLog - 1 : 0;
  }

  /** Undefined when nobody can read it. @throws UnavailableError */
  async at(seq: number): Promise<StoredRecord | undefined> {
    try {
      return await readRecord(this.#source, seq);
    } catch (error) {
      if (!(error instanceof BodyLostError)) return rethrow(error);
      this.#log.error("a record can't be read", { error: error.message });
      return undefined;
    }
  }

  /** The earliest first record that the checkpoints of a key name. */
  async #beginOf(key: string): Promise<number> {
    let begin = Number.POSITIVE_INFINITY;
    for (const seq of await this.#index.checkpoints.ofKey(key)) {
      const record = await this.at(seq);
      if (record) begin = Math.min(begin, Number(record.clear.first));
    }
    return begin;
  }

  async #fetch(known: readonly number[]): Promise<StoredRecord[]> {
    const found: StoredRecord[] = [];
    const seqs = known.filter((seq) => seq >= this.#index.first);
    for (let i = 0; i < seqs.length; i += FETCH_WINDOW) {
      const window = await Promise.all(seqs.slice(i, i + FETCH_WINDOW).map((seq) => this.at(seq)));
      for (const record of window) if (record) found.push(record);
    }
    if (found.length === seqs.length) return found;
    // What is missing may have left a moment ago, on another node's account, and what was read before it since then.
    const { bus, stream } = this.#source;
    this.#index.left((await streamState(bus, stream).catch(rethrow)).firstSeq);
    return found.filter(({ seq }) => seq >= this.#index.first);
  }
}
