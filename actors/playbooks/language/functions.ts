/** The functions of the expression language. */

export type Value = unknown;

export const list = (v: Value): readonly Value[] =>
  Array.isArray(v) ? v : v === undefined || v === null ? [] : [v];
/** Keeps sums of money free of binary dust. */
export const exact = (n: number): number => Math.round(n * 1e6) / 1e6;
export const number = (v: Value): number => (typeof v === "number" ? v : Number.NaN);
export const isEmpty = (v: Value): boolean =>
  v === undefined || v === null || v === "" || (Array.isArray(v) && v.length === 0);

/** A day, or a time with its zone: others would be read in the machine's own zone. */
export const ISO = /^\d{4}-\d{2}-\d{2}(?:$|T.*(?:Z|[+-]\d{2}:?\d{2})$)/;

interface Fn {
  readonly args: readonly [min: number, max: number];
  readonly run: (args: readonly Value[]) => Value;
}

export const FUNCTIONS: Readonly<Record<string, Fn>> = {
  exists: { args: [1, 1], run: ([v]) => !isEmpty(v) },
  empty: { args: [1, 1], run: ([v]) => isEmpty(v) },
  length: { args: [1, 1], run: ([v]) => (typeof v === "string" ? v.length : list(v).length) },
  sum: { args: [1, 1], run: ([v]) => exact(list(v).reduce<number>((a, b) => a + (number(b) || 0), 0)) },
  min: { args: [1, 1], run: ([v]) => (list(v).length ? Math.min(...list(v).map(number)) : undefined) },
  max: { args: [1, 1], run: ([v]) => (list(v).length ? Math.max(...list(v).map(number)) : undefined) },
  first: { args: [1, 1], run: ([v]) => list(v)[0] },
  last: { args: [1, 1], run: ([v]) => list(v).at(-1) },
  lower: { args: [1, 1], run: ([v]) => (typeof v === "string" ? v.toLowerCase() : v) },
  round: { args: [1, 1], run: ([v]) => Math.round(number(v)) },
  abs: { args: [1, 1], run: ([v]) => Math.abs(number(v)) },
  /** ISO text → ms since the epoch, to be compared with `now`. */
  time: {
    args: [1, 1],
    run: ([v]) =>
      typeof v === "number" ? v : typeof v === "string" && ISO.test(v) ? Date.parse(v) : undefined,
  },
  /** Those of a list whose member has this value (or one of these values). */
  where: {
    args: [3, 3],
    run: ([v, key, want]) => list(v).filter((x) => list(want).includes(member(x, key))),
  },
  /** Those of a list whose member does not have this value. */
  without: {
    args: [3, 3],
    run: ([v, key, want]) => list(v).filter((x) => !list(want).includes(member(x, key))),
  },
  /** The first so many of a list. */
  take: { args: [2, 2], run: ([v, n]) => list(v).slice(0, Math.max(0, number(n))) },
};

export function member(v: Value, key: Value): Value {
  return typeof v === "object" && v !== null && Object.hasOwn(v, String(key))
    ? (v as Record<string, Value>)[String(key)]
    : undefined;
}
