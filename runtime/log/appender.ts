/** Appends records and waits for JetStream's acknowledgement. */
import { LRUCache } from "lru-cache";
import { type Address, formatAddress, partitionOf } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import type { Envelope } from "../envelope.ts";
import type { Bodies } from "./bodies.ts";
import { type ClosedRecord, type EncodedRecord, encodeRecord, HEADER_TO } from "./codec.ts";
import { type KeyRing, SEAL_OVERHEAD_BYTES, type Sealer } from "./sealer.ts";
import { acknowledged, JetStreamError } from "./stream.ts";

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

/** The body of a record is above `maxBodyBytes`, or the record above what the server takes without it. */
export class RecordTooLargeError extends RecordRefusedError {
  override readonly name = "RecordTooLargeError";
}

export interface BodyOptions {
  /** A body above it lies apart, stored once for each data subject and content, UTF-8 bytes of its JSON. Default 65,536. */
  readonly inlineBytes?: number;
  /**
   * A body above it is refused, likewise. Default 1,000,000. Where the server takes less (`max_payload`, 1 MiB unless it is set
   * otherwise) that counts.
   */
  readonly maxBytes?: number;
}

export interface AppenderOptions {
  readonly bodies: Bodies;
  /** Subject of a partition. */
  readonly subject: (partition: number) => string;
  readonly partitions: number;
  /** Version of a kind's machine that an actor begins with which gets its first record now; undefined for 1. */
  readonly machineOf?: (kind: string) => number | undefined;
  /** Wait for one acknowledgement, ms. Default 3,000. */
  readonly ackTimeoutMs?: number;
  readonly body?: BodyOptions;
}

export const BODY_DEFAULTS: Required<BodyOptions> = { inlineBytes: 65_536, maxBytes: 1_000_000 };
/** JetStream's number for a message above the stream's `max_msg_size`. */
const MESSAGE_TOO_LARGE = 10054;
/** What an envelope takes besides its body, bytes: ids, addresses, names of fields. */
const ENVELOPE_BYTES = 2_000;
/** Left to the server of what it takes, bytes: headers. */
const HEADER_BYTES = 1_024;
/**
 * A body that was put longer ago than this may be gone: it is put again before the record counts as appended. Half of what
 * bodies are left to settle (`retention.ts`).
 */
export const BODY_FRESH_MS = 30_000;

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
  readonly #o: Required<Omit<AppenderOptions, "machineOf" | "body">>;
  readonly #machineOf: NonNullable<AppenderOptions["machineOf"]>;
  readonly #body: Required<BodyOptions>;
  readonly #partitions = new LRUCache<string, number>({ max: KNOWN_PARTITIONS });
  /** JSON of what was checked and is about to be appended, by its data. */
  readonly #plain = new WeakMap<object, string>();
  /** By sealed text, oldest first. Nobody else can have sealed the same: the nonce is random. */
  readonly #recent = new Map<string, Recent>();
  #recentCharacters = 0;

  constructor(bus: Bus, keys: KeyRing, options: AppenderOptions) {
    this.#bus = bus;
    this.#keys = keys;
    const { machineOf = () => undefined, body, ...rest } = options;
    this.#o = { ackTimeoutMs: 3_000, ...rest };
    this.#machineOf = machineOf;
    this.#body = { ...BODY_DEFAULTS, ...body };
  }

  /** Largest body that lies in the log itself, bytes: sealed and in base64 it is a third longer. */
  get #inlineBytes(): number {
    const most = ((this.#bus.maxPayload - HEADER_BYTES - ENVELOPE_BYTES) / 4) * 3 - SEAL_OVERHEAD_BYTES;
    return Math.min(this.#body.inlineBytes, most);
  }

  get #maxBodyBytes(): number {
    return Math.min(this.#body.maxBytes, this.#bus.maxPayload - HEADER_BYTES - SEAL_OVERHEAD_BYTES);
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
   * @throws RecordTooLargeError; TypeError when it is no JSON.
   */
  check(record: Pick<Envelope, "type" | "to"> & Partial<Pick<Envelope, "clear" | "data">>): void {
    const json = JSON.stringify(record.data ?? {});
    if (record.data) this.#plain.set(record.data, json);
    const body = this.#checkBody(record, json);
    const clear = Buffer.byteLength(JSON.stringify(record.clear ?? {}));
    const inside = body > this.#inlineBytes ? 0 : Math.ceil((body + SEAL_OVERHEAD_BYTES) / 3) * 4;
    const bytes = inside + clear + ENVELOPE_BYTES;
    if (bytes > this.#bus.maxPayload - HEADER_BYTES) throw this.#tooLarge(record, bytes);
  }

  /** Size of a body, bytes. @throws RecordTooLargeError */
  #checkBody({ type, to }: Pick<Envelope, "type" | "to">, json: string): number {
    const bytes = Buffer.byteLength(json);
    const most = this.#maxBodyBytes;
    if (bytes <= most) return bytes;
    throw new RecordTooLargeError(
      `the body of record ${type} to ${formatAddress(to)} has ${bytes} bytes, at most ${most} are taken (log.maxBodyBytes)`,
    );
  }

  #tooLarge({ type, to }: Pick<Envelope, "type" | "to">, bytes: number): RecordTooLargeError {
    return new RecordTooLargeError(
      `record ${type} to ${formatAddress(to)} has ${bytes} bytes; the server takes ${this.#bus.maxPayload}`,
    );
  }

  /** A record as bytes. What is in it is at hand for a moment, for when it is read back. */
  encode(envelope: Envelope, sealer: Sealer, inlineBytes?: number): EncodedRecord {
    const plain = this.plainOf(envelope);
    this.#plain.delete(envelope.data);
    const machine = this.#machineOf(envelope.to.kind);
    const stamped = machine === undefined ? envelope : { ...envelope, machine };
    const encoded = encodeRecord(stamped, plain, sealer, inlineBytes);
    const until = performance.now() + RECENT_MS;
    this.#keepRecent(encoded.sealed, { plain, id: envelope.id, to: encoded.headers[HEADER_TO]!, until });
    return encoded;
  }

  /** The part that is sealed, as JSON. */
  plainOf({ data }: Envelope): string {
    const checked = this.#plain.get(data);
    if (checked !== undefined) return checked;
    const plain = JSON.stringify(data);
    this.#plain.set(data, plain);
    return plain;
  }

  /**
   * One attempt. The data subject's key is made when it is missing.
   * @param may looked at again when the body is stored; throws when the record may not be written now
   * @throws RecordRefusedError when no retry can help, else whatever the bus says: try again with the same id.
   */
  async append(envelope: Envelope, may?: () => void): Promise<Acknowledged> {
    const { key } = envelope.to;
    const sealer = this.#keys.cached(key) ?? (await this.#keys.sealer(key, { create: true }));
    if (!sealer) {
      throw new RecordErasedError(`the key of ${key} was destroyed: nothing more can be written for it`);
    }
    const plain = this.plainOf(envelope);
    this.#checkBody(envelope, plain);
    const { payload, headers, body } = this.encode(envelope, sealer, this.#inlineBytes);
    if (payload.byteLength > this.#bus.maxPayload - HEADER_BYTES) {
      throw this.#tooLarge(envelope, payload.byteLength);
    }
    const { bodies, ackTimeoutMs } = this.#o;
    const putAt = performance.now();
    // The body first: what is in the log can be read.
    if (body) {
      await bodies.put(key, body, ackTimeoutMs);
      may?.();
    }
    const subject = this.#o.subject(this.partitionOf(envelope.to));
    const reply = await this.#bus.request(subject, payload, { headers, timeoutMs: ackTimeoutMs });
    let ack: Acknowledged;
    try {
      ack = acknowledged(reply);
    } catch (error) {
      const refused = error instanceof JetStreamError && error.errCode === MESSAGE_TOO_LARGE;
      throw refused ? this.#tooLarge(envelope, payload.byteLength) : error;
    }
    if (body && performance.now() - putAt > BODY_FRESH_MS) await bodies.put(key, body, ackTimeoutMs);
    return ack;
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
        return await this.append(envelope, may);
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
