/** All that is kept of what was said, opened as far as that can be: for whoever looks for something in all of it. */
import { formatAddress } from "./address.ts";
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

/** Reads of a database that are under way at once. */
const READ_AT_ONCE = 32;

/** Looks at what comes, several at once: while the desk works, each has to wait for its turn, which many can do together. */
export async function lookAtAll<T>(all: AsyncIterable<T>, look: (one: T) => Promise<void>): Promise<void> {
  const coming = all[Symbol.asyncIterator]();
  const looking = async (): Promise<void> => {
    for (let next = await coming.next(); !next.done; next = await coming.next()) await look(next.value);
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, looking));
}

/** Every record in the log now, every snapshot of an actor, every dead letter. @throws BusError, JetStreamError, what `visit` throws */
export async function visitTexts(source: TextSource, visit: VisitText, signal?: AbortSignal): Promise<void> {
  const { bus, names, stream } = source;
  const look = async ({ seq, data, header }: RawRecord): Promise<void> => {
    const to = header(HEADER_TO);
    const place = to === undefined ? String(seq) : `${seq} to ${to}`;
    await visit({ store: "log", place, text: await textOf(source, seq, data) });
  };
  await readAll(bus, { stream, subject: names.logAll }, look, signal);
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
