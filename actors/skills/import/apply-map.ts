/** Turns a foreign record into one of ours, by the expressions of a map. */
import type { Json } from "../../../runtime/json.ts";
import type { Expression, FileMap, Transforms } from "./map-language.ts";

/** A value that the map cannot turn; `field` is ours, `message` says why. */
export class MapError extends Error {
  override readonly name = "MapError";
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

interface Scope {
  readonly value: unknown;
  readonly key: string | undefined;
  readonly record: unknown;
}

export function applyMap(map: FileMap, record: unknown, key: string | undefined): Record<string, Json> {
  return object(map.fields, { value: record, key, record }, "");
}

function object(fields: Record<string, Expression>, scope: Scope, at: string): Record<string, Json> {
  const result: Record<string, Json> = {};
  for (const [name, expression] of Object.entries(fields)) {
    const value = evaluate(expression, scope, at ? `${at}.${name}` : name);
    if (value !== undefined) result[name] = value;
  }
  return result;
}

function evaluate(e: Expression, scope: Scope, field: string): Json | undefined {
  if (typeof e === "string") return plain(lookUp(scope, e));
  if ("value" in e) return e.value as Json;
  if ("template" in e)
    return e.template.replace(/\{([^}]+)\}/g, (_, path) => filled(scope, path.trim(), field));
  if ("sum" in e) return total(scope, e.sum, e.of, field);
  if ("case" in e) {
    const chosen = e.of[String(lookUp(scope, e.case))] ?? e.else;
    if (chosen === undefined)
      throw new MapError(field, `the map has no case for ${show(lookUp(scope, e.case))}`);
    return evaluate(chosen, scope, field);
  }
  if ("each" in e) {
    const results: Json[] = [];
    for (const [key, value] of elements(lookUp(scope, e.each), field)) {
      const inner: Scope = { value, key, record: scope.record };
      if (!Object.entries(e.where ?? {}).every(([path, wanted]) => lookUp(inner, path) === wanted)) continue;
      const at = `${field}.${results.length}`;
      const result = e.fields ? object(e.fields, inner, at) : evaluate(e.take!, inner, at);
      if (e.flat && Array.isArray(result)) results.push(...result);
      else if (result !== undefined) results.push(result);
    }
    return results;
  }
  if ("fields" in e) {
    const value = e.from === undefined ? scope.value : lookUp(scope, e.from);
    if (value === undefined || value === null) return undefined;
    return object(e.fields, { ...scope, value }, field);
  }
  const found = lookUp(scope, e.from) ?? e.default;
  return found === undefined || found === null ? undefined : transform(plain(found)!, e, field);
}

/** Elements of a list or values of an object, with their keys. Nothing there is an empty list. */
function elements(value: unknown, field: string): [string, unknown][] {
  if (value === undefined || value === null) return [];
  if (typeof value !== "object") throw new MapError(field, `needs a list or an object, found ${show(value)}`);
  return Object.entries(value);
}

function lookUp(scope: Scope, path: string): unknown {
  if (path === "$key") return scope.key;
  const whole = path.startsWith("$record.");
  let here = whole ? scope.record : scope.value;
  for (const part of (whole ? path.slice("$record.".length) : path).split(".")) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<string, unknown>)[part];
  }
  return here;
}

/** Nothing, null and the empty text are the same: nothing. */
function plain(value: unknown): Json | undefined {
  return value === undefined || value === null || value === "" ? undefined : (value as Json);
}

function filled(scope: Scope, path: string, field: string): string {
  const [name, how] = path.split("|");
  const value = lookUp(scope, name!.trim());
  if (value === undefined || value === null) throw new MapError(field, `needs ${name}, which is not there`);
  const text = String(value);
  return how?.trim() === "title" ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

function total(scope: Scope, list: string, of: string, field: string): number {
  let sum = 0;
  for (const [, value] of elements(lookUp(scope, list), field)) {
    const n = Number(lookUp({ ...scope, value }, of));
    if (!Number.isFinite(n)) throw new MapError(field, `${list}.${of} is no number`);
    sum += n;
  }
  return Math.round(sum * 100) / 100;
}

function transform(given: Json, t: Transforms, field: string): Json {
  let value = given;
  if (typeof value === "string") {
    if (t.strip !== undefined && value.startsWith(t.strip)) value = value.slice(t.strip.length);
    if (t.trim) value = value.trim();
    if (t.lower) value = value.toLowerCase();
    if (t.upper) value = value.toUpperCase();
  }
  if (t.values) {
    const mapped = t.values[String(value)] ?? t.else;
    if (mapped === undefined) {
      throw new MapError(field, `the map does not know the value ${show(value)}: add it to "values"`);
    }
    value = mapped as Json;
  }
  if (t.number) value = toNumber(value, t.number === true ? "." : t.number.decimal, field);
  if (t.date) value = toDate(value, t.date, field);
  if (t.text && (typeof value === "number" || typeof value === "boolean")) value = String(value);
  return value;
}

function toNumber(value: Json, decimal: "." | ",", field: string): number {
  if (typeof value === "number") return value;
  const text = String(value).replace(/[^\d.,-]/g, "");
  const n = Number(decimal === "," ? text.replaceAll(".", "").replace(",", ".") : text.replaceAll(",", ""));
  if (text === "" || !Number.isFinite(n)) throw new MapError(field, `${show(value)} is no number`);
  return n;
}

function toDate(value: Json, how: true | "iso" | "s" | "ms", field: string): string {
  const n = Number(value);
  // Text without a zone is UTC: the machine that imports must not decide.
  const iso = (text: string) =>
    /\dT?\d*:\d/.test(text) && !/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? `${text}Z` : text;
  const ms =
    how === "s" ? n * 1000 : how === "ms" ? n : Date.parse(iso(String(value).trim().replace(" ", "T")));
  if (!Number.isFinite(ms)) throw new MapError(field, `${show(value)} is no date`);
  return new Date(ms).toISOString();
}

/** Short, since it may be anything. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
