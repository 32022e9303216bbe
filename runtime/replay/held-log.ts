/**
 * A log whose order somebody else decides: what a host appends is acknowledged at once and held, until it is put at its place, in
 * memory or in a stream. Above it are the same appender and host as in a node, and the same codec where a record is read from bytes.
 */
import { createHmac, hkdfSync } from "node:crypto";
import { formatAddress } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import { type Subjects, subjectsOf } from "../bus/subjects.ts";
import type { Envelope } from "../envelope.ts";
import { type Acknowledged, Appender } from "../log/appender.ts";
import { Bodies } from "../log/bodies.ts";
import { plainKeys } from "../log/plain-keys.ts";
import type { RawRecord } from "../log/reader.ts";
import { aesSealer, KEY_BYTES, type KeyRing, type Sealer } from "../log/sealer.ts";
import { memoryPlace } from "./memory-place.ts";
import type { LogPlace, PlacedRecord } from "./place.ts";

/** All of it lies in one partition: there is one node, and one conversation at a time. */
export const PARTITION = 0;
/** What is held has no place yet; it is said only where nothing hangs on it. */
const NOWHERE = 0;
/** What is appended comes at once, or not at all. */
const HELD_MS = 5_000;
/** Bodies stay where they are: there is no stream that they could lie apart in. */
const INLINE_BYTES = Number.MAX_SAFE_INTEGER;

export interface HeldLogOptions {
  readonly workspace: string;
  /** What the keys follow from. */
  readonly secret: Uint8Array;
  /** In memory unless given. There nothing is sealed: nothing of it leaves the process. */
  readonly place?: LogPlace;
  /** Told of each record that gets its place, for a log that outlives the process. */
  readonly onPlaced?: (envelope: Envelope) => void;
}

export class HeldLog {
  readonly names: Subjects;
  readonly keys: KeyRing;
  readonly bodies: Bodies;
  readonly appender: Appender;
  /** Appended and not put anywhere yet, by id, in the order in which it came. */
  readonly held = new Map<string, Envelope>();
  readonly #place: LogPlace;
  readonly #ids = new Set<string>();
  readonly #waiting = new Map<string, (record: Envelope) => void>();
  readonly #onPlaced: HeldLogOptions["onPlaced"];

  constructor({ workspace, secret, place, onPlaced }: HeldLogOptions) {
    this.#onPlaced = onPlaced;
    this.names = subjectsOf(workspace);
    const keys = keysFrom(secret);
    const { cached, sealer } = plainKeys();
    this.keys = place ? keys : { ...keys, cached, sealer };
    this.#place = place ?? memoryPlace(this.names);
    this.bodies = new Bodies(this.bus, this.names);
    this.appender = new HoldingAppender(this, (envelope) => this.#hold(envelope));
  }

  get bus(): Bus {
    return this.#place.bus;
  }

  /** Last sequence; 0 while it is empty. */
  get head(): number {
    return this.#place.head;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Puts a record at the end. What was held of this id is not held any more. */
  async place(envelope: Envelope): Promise<RawRecord> {
    this.held.delete(envelope.id);
    this.#ids.add(envelope.id);
    const { key } = envelope.to;
    const sealer = (this.keys.cached(key) ?? (await this.keys.sealer(key)))!;
    const placing = this.#place.append({
      subject: this.names.log(PARTITION),
      envelope,
      plain: this.appender.plainOf(envelope),
      encode: (record) => this.appender.encode(record, sealer),
    });
    const placed = placing instanceof Promise ? await placing : placing;
    this.#onPlaced?.(envelope);
    return this.#raw(placed);
  }

  /** A record as a reader hands it over. */
  async raw(seq: number): Promise<RawRecord> {
    return this.#raw(await this.#place.at(seq));
  }

  #raw(placed: PlacedRecord): RawRecord {
    const { seq, subject, opened } = placed;
    return {
      seq,
      subject,
      opened,
      get data() {
        return placed.data;
      },
      pending: this.head - seq,
      header: (name) => placed.headers[name],
    };
  }

  /** Waits until a record with this id is held; undefined when it does not come in time. */
  until(id: string, timeoutMs = HELD_MS): Promise<Envelope | undefined> {
    const held = this.held.get(id);
    if (held) return Promise.resolve(held);
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#waiting.delete(id);
        resolve(undefined);
      }, timeoutMs);
      this.#waiting.set(id, (envelope) => {
        clearTimeout(late);
        resolve(envelope);
      });
    });
  }

  #hold(envelope: Envelope): void {
    // Written again after a crash: the first one counts.
    if (this.#ids.has(envelope.id) || this.held.has(envelope.id)) return;
    this.held.set(envelope.id, envelope);
    this.#waiting.get(envelope.id)?.(envelope);
    this.#waiting.delete(envelope.id);
  }
}

class HoldingAppender extends Appender {
  readonly #hold: (envelope: Envelope) => void;

  constructor({ bus, keys, bodies, names }: HeldLog, hold: (envelope: Envelope) => void) {
    super(bus, keys, { bodies, subject: names.log, partitions: 1, body: { inlineBytes: INLINE_BYTES } });
    this.#hold = hold;
  }

  override async append(envelope: Envelope, may?: () => void): Promise<Acknowledged> {
    may?.();
    this.#hold(envelope);
    return { seq: NOWHERE, duplicate: false };
  }
}

/** Keys that follow from a secret: a process that takes over from one that was killed has the same. */
function keysFrom(secret: Uint8Array): KeyRing {
  const sealers = new Map<string, Sealer>();
  const cached = (key: string): Sealer => {
    let sealer = sealers.get(key);
    if (!sealer) {
      sealer = aesSealer(
        new Uint8Array(hkdfSync("sha256", secret, "", `bailiwick/replay ${key}`, KEY_BYTES)),
      );
      sealers.set(key, sealer);
    }
    return sealer;
  };
  return {
    cached,
    sealer: async (key) => cached(key),
    wrapUnder: async () => {},
    destroy: (key) => Promise.reject(new Error(`the key of ${key} is only in a replay: nothing to erase`)),
    isDestroyed: async () => false,
    under: async () => [],
    keyedHash: (purpose, value) =>
      createHmac("sha256", secret)
        .update(`${purpose}\0${value}`)
        .digest()
        .subarray(0, 16)
        .toString("base64url"),
  };
}

/** `<type> to <address>`, for messages. */
export function named({ type, to }: Pick<Envelope, "type" | "to">): string {
  return `${type} to ${formatAddress(to)}`;
}
