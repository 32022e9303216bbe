/**
 * Texts of playbooks. `{{ path | formatter }}` puts a value in; `[[ … ]]` is left out as a whole when a value in it is
 * not known, so that a text never shows a gap. Outside of `[[ ]]` a line whose value is missing is left out.
 */
import {
  type Expression,
  ExpressionError,
  evaluate,
  parseExpression,
  type Scope,
  type Value,
} from "./expression.ts";
import { FORMATTERS } from "./format.ts";

interface Pipe {
  readonly name: string;
  readonly args: readonly Expression[];
}
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly value: Expression; readonly pipes: readonly Pipe[] }
  | { readonly kind: "optional"; readonly pieces: readonly Piece[] };

export type Template = readonly Piece[];

/** The text is not a template; `at` is the offset of what was not understood. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

const cache = new Map<string, Template>();
const MAX_CACHED = 5_000;

/** Reads a text. @throws TemplateError */
export function parseTemplate(text: string): Template {
  const known = cache.get(text);
  if (known) return known;
  const { pieces } = read(text, 0, false);
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(text, pieces);
  return pieces;
}

function read(text: string, from: number, inside: boolean): { pieces: Piece[]; end: number } {
  const pieces: Piece[] = [];
  let at = from;
  let plain = from;
  const flush = (): void => {
    if (at > plain) pieces.push({ kind: "text", text: text.slice(plain, at) });
  };
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    if (two === "{{") {
      flush();
      const close = text.indexOf("}}", at);
      if (close < 0) throw new TemplateError('"{{" without "}}"', at);
      pieces.push(placeholder(text.slice(at + 2, close), at + 2));
      at = close + 2;
      plain = at;
    } else if (two === "[[") {
      flush();
      const inner = read(text, at + 2, true);
      if (text.slice(inner.end, inner.end + 2) !== "]]") throw new TemplateError('"[[" without "]]"', at);
      pieces.push({ kind: "optional", pieces: inner.pieces });
      at = inner.end + 2;
      plain = at;
    } else if (two === "]]" && inside) {
      break;
    } else at++;
  }
  flush();
  return { pieces, end: at };
}

function placeholder(source: string, at: number): Piece {
  const [head, ...rest] = splitPipes(source);
  try {
    const value = parseExpression(head!);
    const pipes = rest.map((pipe): Pipe => {
      const m = /^\s*([a-z]+)\s*(.*)$/s.exec(pipe);
      const formatter = m?.[1];
      if (!formatter || !Object.hasOwn(FORMATTERS, formatter)) {
        throw new TemplateError(
          `there is no formatter "${pipe.trim()}"; there are ${Object.keys(FORMATTERS).join(", ")}`,
          at,
        );
      }
      const args = (m[2]!.match(/"[^"]*"|[^\s]+/g) ?? []).map((a) => parseExpression(a));
      return { name: formatter, args };
    });
    return { kind: "value", value, pipes };
  } catch (error) {
    if (error instanceof ExpressionError)
      throw new TemplateError(`{{${source}}}: ${error.message}`, at + error.at);
    throw error;
  }
}

/** Splits at `|` outside of quotes. */
function splitPipes(source: string): string[] {
  const parts: string[] = [""];
  let quote = "";
  for (const c of source) {
    if (quote) quote = c === quote ? "" : quote;
    else if (c === '"' || c === "'") quote = c;
    if (c === "|" && !quote) parts.push("");
    else parts[parts.length - 1] += c;
  }
  return parts;
}

function shown(piece: Extract<Piece, { kind: "value" }>, scope: Scope): string | undefined {
  let value: Value = evaluate(piece.value, scope);
  for (const pipe of piece.pipes) {
    if (value === undefined && pipe.name !== "count") return undefined;
    value = FORMATTERS[pipe.name]!(
      value,
      pipe.args.map((a) => evaluate(a, scope)),
      scope,
    );
  }
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Stands for a missing value while lines are being decided about; cannot occur in a text that was read from YAML. */
const GAP = "\u0000";

function fill(pieces: readonly Piece[], scope: Scope): string {
  return pieces
    .map((p) => {
      if (p.kind === "text") return p.text;
      if (p.kind === "value") return shown(p, scope)?.replaceAll(GAP, "") ?? GAP;
      const inner = fill(p.pieces, scope);
      return inner.includes(GAP) ? "" : inner;
    })
    .join("");
}

/** The text for this scope. Lines in which something is not known are left out. */
export function render(template: Template, scope: Scope): string {
  const text = fill(template, scope);
  const lines = text.includes(GAP)
    ? text.split("\n").filter((line) => !line.includes(GAP))
    : text.split("\n");
  return lines
    .map((l) => l.replace(/[ \t]+/g, " ").trimEnd())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** The raw value when the text is nothing but one `{{ expression }}`, else the text. */
export function renderValue(text: string, scope: Scope): Value {
  const template = parseTemplate(text);
  const only = template.length === 1 ? template[0]! : undefined;
  if (only?.kind === "value" && only.pipes.length === 0) return evaluate(only.value, scope);
  return render(template, scope);
}

/** Every expression of a template, and whether it stands in an optional part. */
export function expressionsOf(
  template: Template,
  optional = false,
): { value: Expression; optional: boolean }[] {
  return template.flatMap((p) => {
    if (p.kind === "text") return [];
    if (p.kind === "optional") return expressionsOf(p.pieces, true);
    return [
      { value: p.value, optional },
      ...p.pipes.flatMap((x) => x.args.map((value) => ({ value, optional: true }))),
    ];
  });
}
