/** The engine as the other rooms see it: append, read, follow. Built by `app` out of bus, log and host. */
import type { Address } from "./address.ts";
import type { NewRecord, StoredRecord } from "./envelope.ts";
import type { ActorView } from "./host/definition.ts";
import type { JsonObject } from "./json.ts";

export interface AppendResult {
  readonly id: string;
  readonly seq: number;
  /** The id was in the log before; `seq` is then that of the first occurrence. */
  readonly duplicate: boolean;
}

/** Thrown when an actor is too far behind: 429 with Retry-After. */
export class OverloadedError extends Error {
  override readonly name = "OverloadedError";
  constructor(
    message: string,
    readonly retryAfterMs: number,
  ) {
    super(message);
  }
}

export interface CallOptions {
  /** Default 5,000. */
  readonly timeoutMs?: number;
  /** Idempotency key; a fresh one unless given. */
  readonly key?: string;
}

/**
 * The log can't be reached or takes nothing (server away, disk or stream full): 503 with Retry-After. Whether the record
 * was taken is not known: send it again under the same id.
 */
export class UnavailableError extends Error {
  override readonly name: string = "UnavailableError";
  constructor(
    message: string,
    readonly retryAfterMs: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface Engine {
  readonly workspace: string;
  /**
   * Appends a record from outside and answers once JetStream has acknowledged it. Checks admission first.
   * @throws OverloadedError when the addressee has too many records waiting, UnavailableError when the log takes
   * nothing, RecordErasedError when the addressee's data subject was erased, LeftLogError when the addressee was closed so long
   * ago that its records have left the log.
   */
  append(record: NewRecord): Promise<AppendResult>;
  /** The state of an actor as its owner sees it; undefined when it has no record. @throws UnavailableError, LeftLogError */
  read(address: Address): Promise<ActorView | undefined>;
  /** Actors of a kind that are not closed, with their state. */
  list(kind: string): Promise<ActorView[]>;
  /** Records of an actor in log order, opened, with seq > after. */
  records(address: Address, after?: number): Promise<StoredRecord[]>;
  /** Records of several actors in log order (a conversation with its channel, tasks, hand-offs share the key). */
  recordsOfKey(key: string, after?: number): Promise<StoredRecord[]>;
  /** Actors of a kind, closed ones too, the one that had a record last first; those whose records have left the log are not there. */
  latest(kind: string, count: number): Promise<Address[]>;
  /**
   * Last sequence up to which records of this key may have left the log; 0 where all that there ever were are in it. `records`
   * and `recordsOfKey` answer what is left, `read` fails where nothing is.
   */
  leftOfKey(key: string): Promise<number>;
  /** Follows the records of sinks (`channel/<key>/…`) with this key, live and in log order, from now on. */
  follow(key: string, listener: (record: StoredRecord) => void): () => void;
  /** Sees every record that this node hands over, in log order within a partition; for read models. */
  observe(listener: (record: StoredRecord) => void): () => void;
  /** Asks a resident agent directly (not on the record), for reads by operators and commands. */
  call(service: string, operation: string, input: JsonObject, options?: CallOptions): Promise<JsonObject>;
  /** Keyed hash of an identifier of the outside world: look-ups without storing it. */
  keyedHash(purpose: string, value: string): string;
  status(): JsonObject;
  stop(): Promise<void>;
}
