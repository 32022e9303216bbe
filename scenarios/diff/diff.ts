/** Two recordings, or a recording and what a replay came to, held against each other: what crosses the boundary, in order. */
import { ASK } from "../../runtime/host/outbox.ts";
import { canonicalJson } from "../../runtime/json.ts";
import { crossingOf, inWords, leaves, sideOf } from "../recording/boundary.ts";
import type { Recording } from "../recording/recording.ts";

/** One thing that came from or went to somebody. */
export interface Line {
  /** Place in its recording. */
  readonly seq: number;
  readonly who: "customer" | "desk" | "person" | "skill" | "timer" | "other";
  /** In words, cut where it is long. */
  readonly words: string;
  /** All of it, to be compared. */
  readonly content: string;
}

/** A row of the two side by side; one of them may have nothing there. */
export interface Row {
  readonly a?: Line;
  readonly b?: Line;
  readonly same: boolean;
}

export interface Diff {
  readonly id: string;
  readonly same: boolean;
  readonly rows: readonly Row[];
  /** The first row that is not the same on both sides. */
  readonly first?: number;
}

export function linesOf({ header, records }: Recording): Line[] {
  const folded = new Set(Object.keys(header.machines));
  return records.flatMap((record): Line[] => {
    const side = sideOf(record, folded, header.conversation);
    if (side === "own" || (side === "desk" && !leaves(record))) return [];
    const who: Line["who"] =
      side === "timer"
        ? "timer"
        : side === "answer" || record.type === ASK
          ? "skill"
          : record.type === "customer.message"
            ? "customer"
            : record.to.kind === "channel"
              ? "desk"
              : record.type.startsWith("human.")
                ? "person"
                : "other";
    const content = crossingOf(record, side);
    return [{ seq: record.seq, who, words: inWords(record), content: canonicalJson(content) }];
  });
}

/**
 * The rows of both, those that are the same beside each other. Up to the first that is not they are the same one by one; from there
 * on the longest common sequence is looked for.
 */
export function diffRecordings(a: Recording, b: Recording): Diff {
  const [left, right] = [linesOf(a), linesOf(b)];
  const isSame = (x: Line, y: Line): boolean => x.who === y.who && x.content === y.content;
  const rows: Row[] = [];
  let n = 0;
  while (n < left.length && n < right.length && isSame(left[n]!, right[n]!)) {
    rows.push({ a: left[n]!, b: right[n]!, same: true });
    n++;
  }
  const first = n;
  rows.push(...aligned(left.slice(n), right.slice(n), isSame));
  const same = rows.length === first;
  return { id: a.header.id, same, rows, ...(same ? {} : { first }) };
}

/** Above this the table would be too large, and nobody reads on. */
const MOST_CELLS = 4_000_000;

function aligned(a: readonly Line[], b: readonly Line[], isSame: (x: Line, y: Line) => boolean): Row[] {
  if (a.length * b.length > MOST_CELLS) {
    const rows: Row[] = [];
    for (let i = 0; i < Math.max(a.length, b.length); i++) rows.push(row(a[i], b[i], false));
    return rows;
  }
  // Length of the longest common sequence of what follows each pair of places.
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = isSame(a[i]!, b[j]!)
        ? common[(i + 1) * width + j + 1]! + 1
        : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const rows: Row[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length) {
      const here = common[i * width + j]!;
      if (isSame(a[i]!, b[j]!) && here === common[(i + 1) * width + j + 1]! + 1) {
        rows.push(row(a[i++], b[j++], true));
        continue;
      }
      // One for the other: both are of the same kind, and neither is found later.
      const without = common[(i + 1) * width + j + 1]!;
      if (a[i]!.who === b[j]!.who && without === here) {
        rows.push(row(a[i++], b[j++], false));
        continue;
      }
    }
    const down = i < a.length ? common[(i + 1) * width + j]! : -1;
    const right = j < b.length ? common[i * width + j + 1]! : -1;
    if (down >= right) rows.push(row(a[i++], undefined, false));
    else rows.push(row(undefined, b[j++], false));
  }
  return rows;
}

function row(a: Line | undefined, b: Line | undefined, same: boolean): Row {
  return { ...(a ? { a } : {}), ...(b ? { b } : {}), same };
}

/** Of a diff, what is around its first divergence. */
export interface FirstDivergence {
  /** Of the row, from 1. */
  readonly step: number;
  readonly a?: { readonly seq: number; readonly words: string };
  readonly b?: { readonly seq: number; readonly words: string };
}

export function firstOf({ first, rows }: Diff): FirstDivergence | undefined {
  if (first === undefined) return undefined;
  const { a, b } = rows[first]!;
  const told = (line: Line | undefined) => line && { seq: line.seq, words: line.words };
  return { step: first + 1, ...(a ? { a: told(a)! } : {}), ...(b ? { b: told(b)! } : {}) };
}
