/** What the extractors of the single slots share. */
import type { Entity, Language, SlotType } from "../types.ts";
import type { Claims } from "./claims.ts";

/** A message while values are looked for. */
export interface Scan {
  readonly text: string;
  /** Same length as `text`: lower case, plain quotes, dashes and blanks. */
  readonly plain: string;
  readonly claims: Claims;
  readonly found: Entity[];
  readonly expecting: ReadonlySet<SlotType>;
  readonly language: Language;
  readonly locale?: string;
  /** Log time, ms since the epoch. */
  readonly now?: number;
  readonly zone: string;
}

/** Records a value unless its characters belong to another. */
export function add(
  scan: Scan,
  type: SlotType,
  value: string,
  start: number,
  end: number,
  detail?: Readonly<Record<string, string>>,
): boolean {
  if (!scan.claims.take(start, end)) return false;
  const entity = { type, value, text: scan.text.slice(start, end), start, end };
  scan.found.push(detail ? { ...entity, detail } : entity);
  return true;
}

/** The `length` characters before a place, in plain lower case. */
export function before(scan: Scan, place: number, length: number): string {
  return scan.plain.slice(Math.max(0, place - length), place);
}

/** Group `group` of a match with the `d` flag: its place. */
export function place(match: RegExpMatchArray, group: number): readonly [number, number] {
  return (
    (match.indices?.[group] as [number, number] | undefined) ?? [match.index!, match.index! + match[0].length]
  );
}
