/** Appends records and waits for JetStream's acknowledgement. */
import { LRUCache } from "lru-cache";
import { type Address, formatAddress, partitionOf } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import type { Envelope } from "../envelope.ts";
import { type ClosedRecord, encodeRecord, HEADER_TO } from "./codec.ts";
import { type KeyRing, SEAL_OVERHEAD_BYTES } from "./sealer.ts";
import { JetStreamError } from "./stream.ts";

export interface Acknowledged {
  readonly seq: number;
  /** JetStream had seen the id within its window. */
  readonly duplicate: boolean;
}

/** A record that will never be taken, however often it is tried. */
export class RecordRefusedError extends Error {
  override readonly name: string = "RecordRefusedError";
}

/** The addressee's data subject was erased: nothing can be written for it any more. */
export class RecordErasedError extends RecordRefusedError {
  override readonly name = "RecordErasedError";
}

export interface AppenderOptions {
  readonly stream: string;
  /** Subject of a partition. */
  readonly subject: (partition: number) => string;
  readonly partitions: number;
  /** Version of a kind's machine that an actor begins with which gets its first record now; undefined for 1. */
  readonly machineOf?: (kind: string) => number | undefined;
  /** Wait for one acknowledgement, ms. Default 3,000. */
  readonly ackTimeoutMs?: number;
}

const decoder = new TextDecoder();
/** JetStream's number for a message above the stream's `max_msg_size`. */
const MESSAGE_TOO_LARGE = 10054;
/** What an envelope takes besides its body, bytes: ids, addresses, names of fields. */
const ENVELOPE_BYTES = 2_000;

/** Keys whose partition is remembered: each record asks for it several times. */
const KNOWN_PARTITIONS = 20_000;
/** What this node has sealed and will read back in a moment, at most: characters, and how long. */
const RECENT_CHARACTERS = 16 * 1024 * 1024;
const RECENT_MS = 10_000;

interface Recent {
  readonly plain: string;
  readonly id: string;
  readonly to: string;
  /** Monotonic, ms. */
  readonly until: number;
}

export class Appender {
  readonly #bus: Bus;
  readonly #keys: KeyRing;
  readonly #o: Required<Omit<AppenderOptions, "machineOf">>;
  readonly #machineOf: NonNullable<AppenderOptions["machineOf"]>;
  readonly #partitions = new LRUCache<string, number>({ max: KNOWN_PARTITIONS });
  /** JSON of what was checked and is about to be appended, by its data. */
  readonly #plain = new WeakMap<object, string>();
  /** By sealed text, oldest first. Nobody else can have sealed the same: the nonce is random. */
  readonly #recent = new Map<string, Recent>();
  #recentCharacters = 0;

  constructor(bus: Bus, keys: KeyRing, options: AppenderOptions) {
    this.#bus = bus;
    this.#keys = keys;
    const { machineOf = () => undefined, ...rest } = options;
    this.#o = { ackTimeoutMs: 3_000, ...rest };
    this.#machineOf = machineOf;
  }

  partitionOf(to: Address): number {
    const known = this.#partitions.get(to.key);
    if (known !== undefined) return known;
    const partition = partitionOf(to.key, this.#o.partitions);
    this.#partitions.set(to.key, partition);
    return partition;
  }

  /**
   * The sealed part of a record that this node wrote a moment ago and has just read back, as JSON, once. Only to be used
   * while its key is there: what was erased must not be read from here.
   */
  takeRecent({ sealed, envelope }: ClosedRecord): string | undefined {
    const recent = this.#recent.get(sealed);
    // Copied to another place it must not open here either.
    if (recent?.id !== envelope.id || recent.to !== formatAddress(envelope.to)) return undefined;
    this.#forgetRecent(sealed, recent);
    return recent.until < performance.now() ? undefined : recent.plain;
  }

  #keepRecent(sealed: string, recent: Recent): void {
    this.#recent.set(sealed, recent);
    this.#recentCharacters += recent.plain.length + sealed.length;
    const now = performance.now();
    for (const [oldest, { plain, until }] of this.#recent) {
      if (until >= now && this.#recentCharacters <= RECENT_CHARACTERS) break;
      this.#forgetRecent(oldest, { plain });
    }
  }

  #forgetRecent(sealed: string, { plain }: Pick<Recent, "plain">): void {
    if (this.#recent.delete(sealed)) this.#recentCharacters -= plain.length + sealed.length;
  }

  /**
   * Whether a record could be appended at all, before anything depends on it.
   * @throws RecordRefusedError when it is too large; TypeError when it is no JSON.
   */
  check(record: Pick<Envelope, "type" | "to"> & Partial<Pick<Envelope, "clear" | "data">>): void {
    const json = JSON.stringify(record.data ?? {});
    if (record.data) this.#plain.set(record.data, json);
    const plain = Buffer.byteLength(json);
    const clear = Buffer.byteLength(JSON.stringify(record.clear ?? {}));
    // Sealed and in base64 it is a third longer.
    const bytes = Math.ceil((plain + SEAL_OVERHEAD_BYTES) / 3) * 4 + clear + ENVELOPE_BYTES;
    if (bytes > this.#bus.maxPayload) throw this.#tooLarge(record, bytes);
  }

  #tooLarge({ type, to }: Pick<Envelope, "type" | "to">, bytes: number): RecordRefusedError {
    return new RecordRefusedError(
      `record ${type} to ${formatAddress(to)} has ${bytes} bytes; the server takes ${this.#bus.maxPayload}`,
    );
  }

  /**
   * One attempt. The data subject's key is made when it is missing.
   * @throws RecordRefusedError when no retry can help, else whatever the bus says: try again with the same id.
   */
  async append(envelope: Envelope): Promise<Acknowledged> {
    const { key } = envelope.to;
    const sealer = this.#keys.cached(key) ?? (await this.#keys.sealer(key, { create: true }));
    if (!sealer) {
      throw new RecordErasedError(`the key of ${key} was destroyed: nothing more can be written for it`);
    }
    const plain = this.#plain.get(envelope.data) ?? JSON.stringify(envelope.data);
    this.#plain.delete(envelope.data);
    const machine = this.#machineOf(envelope.to.kind);
    const stamped = machine === undefined ? envelope : { ...envelope, machine };
    const { payload, headers, sealed } = encodeRecord(stamped, plain, sealer);
    if (payload.byteLength > this.#bus.maxPayload - 1_024) {
      throw this.#tooLarge(envelope, payload.byteLength);
    }
    const subject = this.#o.subject(this.partitionOf(envelope.to));
    const until = performance.now() + RECENT_MS;
    this.#keepRecent(sealed, { plain, id: envelope.id, to: headers[HEADER_TO]!, until });
    const reply = await this.#bus.request(subject, payload, { headers, timeoutMs: this.#o.ackTimeoutMs });
    const ack = JSON.parse(decoder.decode(reply.data));
    if (ack.error?.err_code === MESSAGE_TOO_LARGE) throw this.#tooLarge(envelope, payload.byteLength);
    if (ack.error) {
      throw new JetStreamError(`append: ${ack.error.description}`, ack.error.code, ack.error.err_code ?? 0);
    }
    return { seq: ack.seq, duplicate: ack.duplicate === true };
  }

  /**
   * Tries until it is acknowledged; only a refusal or the signal ends it. Waits 50 ms, doubling up to 2 s.
   * @param may looked at before each attempt; throws when it may not be written now
   */
  async appendUntilAcknowledged(
    envelope: Envelope,
    signal: AbortSignal,
    onFailure?: (error: unknown) => void,
    may?: () => void,
  ): Promise<Acknowledged> {
    let waitMs = 50;
    for (;;) {
      try {
        may?.();
        return await this.append(envelope);
      } catch (error) {
        if (error instanceof RecordRefusedError || signal.aborted) throw error;
        onFailure?.(error);
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        if (signal.aborted) throw error;
        waitMs = Math.min(waitMs * 2, 2_000);
      }
    }
  }
}
