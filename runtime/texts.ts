/** All that is kept of what was said, opened as far as that can be: for whoever looks for something in all of it. */
import { formatAddress } from "./address.ts";
import type { Bus } from "./bus/index.ts";
import type { Subjects } from "./bus/subjects.ts";
import type { CellStore } from "./host/cell-store.ts";
import { BodyLostError } from "./log/bodies.ts";
import { decodeRecord, HEADER_TO, openRecord } from "./log/codec.ts";
import type { DeadLetters } from "./log/dead-letters.ts";
import { isPassing, type LogSource } from "./log/read.ts";
import { readAll } from "./log/read-all.ts";
import type { RawRecord } from "./log/reader.ts";

export interface KeptText {
  /** What keeps it: `log`, `states`, `dead letters` … */
  readonly store: string;
  /** Which of those there it is: an address, a number. */
  readonly place: string;
  readonly text: string;
}

export type VisitText = (text: KeptText) => Promise<void> | void;

export interface TextSource extends LogSource {
  readonly names: Subjects;
  readonly store: CellStore;
  readonly deadLetters: DeadLetters;
}

/** What is looked at together. */
const LOOKED_AT_ONCE = 32;

/**
 * Looks at what comes, several at once: while the desk works, each read of a database and each key that is fetched has to wait for
 * its turn, which many can do together. What one of them throws is thrown by the next `look` or by `end`.
 */
class Looking {
  readonly #underWay = new Set<Promise<void>>();
  #failed: { readonly error: unknown } | undefined;

  /** Resolves when there is room for the next one. */
  async look(work: () => Promise<void>): Promise<void> {
    const one = work()
      .catch((error) => {
        this.#failed ??= { error };
      })
      .finally(() => this.#underWay.delete(one));
    this.#underWay.add(one);
    if (this.#underWay.size >= LOOKED_AT_ONCE) await Promise.race(this.#underWay);
    if (this.#failed) throw this.#failed.error;
  }

  async end(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#failed) throw this.#failed.error;
  }
}

export async function lookAtAll<T>(all: AsyncIterable<T>, look: (one: T) => Promise<void>): Promise<void> {
  const looking = new Looking();
  for await (const one of all) await looking.look(() => look(one));
  await looking.end();
}

/** Each record that a stream has now. @throws as `readAll` */
export async function lookAtStream(
  bus: Bus,
  of: { readonly stream: string; readonly subject: string },
  look: (record: RawRecord) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const looking = new Looking();
  await readAll(bus, of, (record) => looking.look(() => look(record)), signal);
  await looking.end();
}

/** Every record in the log now, every snapshot of an actor, every dead letter. @throws BusError, JetStreamError, what `visit` throws */
export async function visitTexts(source: TextSource, visit: VisitText, signal?: AbortSignal): Promise<void> {
  const { bus, names, stream } = source;
  const look = async ({ seq, data, header }: RawRecord): Promise<void> => {
    const to = header(HEADER_TO);
    const place = to === undefined ? String(seq) : `${seq} to ${to}`;
    await visit({ store: "log", place, text: await textOf(source, seq, data) });
  };
  await lookAtStream(bus, { stream, subject: names.logAll }, look, signal);
  await lookAtAll(source.store.kept(), async (to) => {
    signal?.throwIfAborted();
    const state = await source.store.load(to);
    if (state) await visit({ store: "states", place: formatAddress(to), text: JSON.stringify(state) });
  });
  for (const letter of await source.deadLetters.list(Number.POSITIVE_INFINITY)) {
    const place = String(letter.number);
    await visit({ store: "dead letters", place, text: JSON.stringify(letter) });
    const original = await source.deadLetters.original(letter.number);
    if (original) await visit({ store: "dead letters", place, text: await textOf(source, 0, original) });
  }
}

/** A record opened; as it lies there where that can't be. */
async function textOf({ keys, bodies }: LogSource, seq: number, data: Uint8Array): Promise<string> {
  const closed = Buffer.from(data).toString("utf8");
  try {
    const opened = await openRecord(decodeRecord(seq, data), keys, bodies);
    return opened.ok ? `${closed}\n${JSON.stringify(opened.data)}` : closed;
  } catch (error) {
    if (isPassing(error) && !(error instanceof BodyLostError)) throw error;
    return closed;
  }
}
