/**
 * Whether what came of a recording is the same, whatever order there was among what does not depend on each other. What an actor
 * does has an id that follows from what it folded: where it did the same, the ids are the same; else what says the same is looked for.
 */
import type { StoredRecord } from "../../runtime/envelope.ts";
import { askedIn } from "../../runtime/host/calls.ts";
import { ANSWER } from "../../runtime/host/cell.ts";
import { ASK } from "../../runtime/host/outbox.ts";
import { canonicalJson, type JsonObject } from "../../runtime/json.ts";
import { crossingOf, inWords, leaves, sideOf } from "../recording/boundary.ts";
import type { Recording } from "../recording/recording.ts";

export interface Apart {
  /** Place in the recording; undefined where it has nothing of the kind. */
  readonly seq?: number;
  readonly expected?: string;
  readonly got?: string;
}

/** The first that is not the same of what crosses the boundary; undefined where all is. */
export function apartOf(recording: Recording, made: Recording): Apart | undefined {
  const was = boundaryOf(recording);
  const known = new Set(was.map(({ record }) => record.id));
  const came = new Map(boundaryOf(made).map((line) => [line.record.id, line]));
  // What happens inside may be another thing, and its ids with it.
  const twin = (content: string): Line | undefined =>
    [...came.values()].find((line) => !known.has(line.record.id) && line.content === content);
  for (const { record, content } of was) {
    const same = came.get(record.id);
    const other = same?.content === content ? same : (twin(content) ?? same);
    if (other) came.delete(other.record.id);
    if (other?.content === content) continue;
    const [expected, got] = wordsOf(record, other?.record);
    return { seq: record.seq, expected, ...(got === undefined ? {} : { got }) };
  }
  for (const { record } of came.values()) return { got: inWords(record) };
  return undefined;
}

interface Line {
  readonly record: StoredRecord;
  /** All that counts of it. */
  readonly content: string;
}

function boundaryOf({ header, records }: Recording): Line[] {
  const folded = new Set(Object.keys(header.machines));
  return records.flatMap((record) => {
    const side = sideOf(record, folded, header.conversation);
    if (side === "own" || (side === "desk" && !leaves(record))) return [];
    return [{ record, content: canonicalJson(crossingOf(record, side)) }];
  });
}

/** What differs of the two: of a read, which is one record, what it was asked with or what it answered. */
function wordsOf(a: StoredRecord, b: StoredRecord | undefined): [string, string | undefined] {
  const asked = askedIn(a);
  if (!b || a.type !== ANSWER || !asked) return [inWords(a), b && inWords(b)];
  const [x, y] = [a, b].map(({ data }) => (data.input ?? {}) as JsonObject) as [JsonObject, JsonObject];
  const differing = Object.keys({ ...x, ...y }).filter((k) => canonicalJson(x[k]) !== canonicalJson(y[k]));
  if (differing.length === 0) return [inWords(a), inWords(b)];
  const asking = (record: StoredRecord, input: JsonObject) => {
    const shown = Object.fromEntries(differing.filter((k) => k in input).map((k) => [k, input[k]!]));
    return inWords({ ...record, type: ASK, clear: { ...asked }, data: { input: shown } });
  };
  return [asking(a, x), asking(b, y)];
}
