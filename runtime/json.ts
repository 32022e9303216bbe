/** JSON values and their canonical form. */
import { createHash } from "node:crypto";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/**
 * JSON with sorted keys and without undefined members: equal values give equal text. Hashes of it are stored: the text of a value never
 * changes. By hand, since it is made of every state that is written: a replacer takes twice as long.
 */
export function canonicalJson(value: unknown): string {
  return canonical(value) as string;
}

function canonical(value: unknown): string | undefined {
  if (typeof value === "string" && PLAIN_TEXT.test(value)) return `"${value}"`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    let text = "[";
    for (let i = 0; i < value.length; i++) text += `${i > 0 ? "," : ""}${canonical(value[i]) ?? "null"}`;
    return `${text}]`;
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return canonical(toJSON.call(value));
  const { names, first, further } = membersOf(Object.keys(value));
  let text = "{";
  for (let i = 0; i < names.length; i++) {
    const member = canonical((value as Record<string, unknown>)[names[i]!]);
    if (member !== undefined) text += (text.length === 1 ? first[i]! : further[i]!) + member;
  }
  return `${text}}`;
}

/** Nothing in it has to be escaped. */
const PLAIN_TEXT = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/** The members of objects that have the same names: in the order of the text, and as they stand in it. */
interface Members {
  readonly names: readonly string[];
  /** `"name":` */
  readonly first: readonly string[];
  /** `,"name":` */
  readonly further: readonly string[];
}

/** Names in the order in which an object has them, one after the other: states have the same ones again and again. */
interface Known {
  readonly next: Map<string, Known>;
  members?: Members;
}

let known: Known = { next: new Map() };
let size = 0;
/** Names that are remembered: objects whose names are data would never be known. */
const MOST_KNOWN = 10_000;

function membersOf(own: readonly string[]): Members {
  if (size > MOST_KNOWN) {
    known = { next: new Map() };
    size = 0;
  }
  let at = known;
  for (const name of own) {
    let next = at.next.get(name);
    if (!next) {
      next = { next: new Map() };
      at.next.set(name, next);
      size++;
    }
    at = next;
  }
  at.members ??= sorted(own);
  return at.members;
}

function sorted(own: readonly string[]): Members {
  const isIndex = (name: string): boolean => INDEX.test(name) && Number(name) <= MOST_INDEX;
  const numbers = own.filter(isIndex).sort((a, b) => Number(a) - Number(b));
  const names = [...numbers, ...own.filter((name) => !isIndex(name)).sort()];
  const first = names.map((name) => `${JSON.stringify(name)}:`);
  return { names, first, further: first.map((name) => `,${name}`) };
}

/** Names that objects enumerate as numbers, and so before all others. */
const INDEX = /^(?:0|[1-9]\d{0,9})$/;
const MOST_INDEX = 2 ** 32 - 2;

/** SHA-256 (hex) over the canonical JSON of a value. */
export function hashJson(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}

const PLAIN = { enumerable: true, writable: true, configurable: true } as const;

/** A copy to the bottom, for values that are JSON but for members without a value. Many times faster than `structuredClone`. */
export function copyJson<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson) as T;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = copyJson((value as Record<string, unknown>)[name]);
    // Assigned, it would become the copy's prototype.
    if (name === "__proto__") Object.defineProperty(copy, name, { value: member, ...PLAIN });
    else copy[name] = member;
  }
  return copy as T;
}
