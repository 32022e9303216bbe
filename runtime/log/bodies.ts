/**
 * Bodies that are too large to lie in the log: in a stream of their own, which is part of the log all the same.
 *
 * A body is stored once for each data subject and content: its subject is made of both, and the stream keeps the last message of
 * a subject. The name of the content is a hash under the subject's key, so that it says nothing once that is destroyed. Whoever
 * appends a record puts its body first, every time, whether it is there or not: so it moves to the end of the stream, and
 * whatever lies before a place there was not referred to since (`body-marks.ts` makes use of that).
 */
import { formatAddress } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import type { Subjects } from "../bus/subjects.ts";
import type { StoredRecord } from "../envelope.ts";
import type { KeyRing } from "./sealer.ts";
import { acknowledged, ensureStream, jetStreamApi, lastOf, subjectsIn } from "./stream.ts";

/** A body as it is stored. */
export interface ApartBody {
  /** Of the content: a keyed hash. */
  readonly name: string;
  /** Nonce, ciphertext and tag. */
  readonly sealed: Uint8Array;
}

/** A record is there, and its body is not, or is not what it was. Trying again does not help. */
export class BodyLostError extends Error {
  override readonly name = "BodyLostError";
  /** @param record what can be read of it: its `data` is empty */
  constructor(
    readonly record: StoredRecord,
    what: "missing" | "damaged",
    stream: string,
    options?: ErrorOptions,
  ) {
    super(
      `the body of record ${record.id} (${record.seq}, ${record.type} to ${formatAddress(record.to)}) is ${what}: ` +
        `bring the stream ${stream} back from a backup of the server, then retry the dead letter of this record`,
      options,
    );
  }
}

export class Bodies {
  readonly #bus: Bus;
  readonly #names: Subjects;

  constructor(bus: Bus, names: Subjects) {
    this.#bus = bus;
    this.#names = names;
  }

  /** Name of the stream. */
  get stream(): string {
    return this.#names.bodiesStream;
  }

  /** Makes the stream when it is missing. @param replicas copies in a cluster of servers: as many as the log has */
  async open(replicas = 1): Promise<void> {
    const { bodiesStream, bodyAll, bodyMarks } = this.#names;
    await ensureStream(this.#bus, bodiesStream, [bodyAll, bodyMarks], { replicas, perSubject: 1 });
  }

  /**
   * Stores a body; it is durable when this resolves. One attempt.
   * @param key data subject that it is sealed under
   * @throws BusError, JetStreamError: the same again is stored once
   */
  async put(key: string, { name, sealed }: ApartBody, timeoutMs: number): Promise<void> {
    acknowledged(await this.#bus.request(this.#names.body(key, name), sealed, { timeoutMs }));
  }

  /** Undefined when there is none. @throws BusError, JetStreamError when that can't be said */
  async get(key: string, name: string): Promise<Uint8Array | undefined> {
    return (await lastOf(this.#bus, this.stream, this.#names.body(key, name)))?.data;
  }

  /**
   * Deletes the bodies of data subjects whose key was destroyed: nobody can open them any more, but they take room. What belongs
   * to a key that is only missing stays: the bucket of keys may be brought back.
   */
  async dropErased(keys: KeyRing): Promise<void> {
    const subjects = await subjectsIn(this.#bus, this.stream, this.#names.bodyAll);
    for (const key of new Set(subjects.map((subject) => subject.split(".").at(-2)!))) {
      if (!(await keys.isDestroyed(key))) continue;
      await jetStreamApi(this.#bus, `STREAM.PURGE.${this.stream}`, { filter: this.#names.bodiesOf(key) });
    }
  }
}
