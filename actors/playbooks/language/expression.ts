/**
 * The expression language of playbooks: paths, literals, comparisons, `and`, `or`, `not`, `in`, `contains`, `+ - * /`
 * and a handful of functions. It reads a scope and has no other effect; a path that leads nowhere is `undefined`.
 *
 * A path through a list maps over it: `order.items.price` is the list of prices.
 */
import { exact, FUNCTIONS, isEmpty, list, member, number, type Value } from "./functions.ts";

export type { Value };
export type Scope = Readonly<Record<string, Value>>;

export type Expression =
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "path"; readonly parts: readonly (string | number)[]; readonly at: number }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "not"; readonly value: Expression }
  | {
      readonly kind: "call";
      readonly name: string;
      readonly args: readonly Expression[];
      readonly at: number;
    }
  | { readonly kind: "binary"; readonly op: string; readonly left: Expression; readonly right: Expression };

/** The text is not an expression; `at` is the offset of what was not understood. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

// --- reading ---------------------------------------------------------------------------------------------------

type Token = { type: "num" | "str" | "name" | "op" | "end"; text: string; value?: Value; at: number };

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([A-Za-z_][A-Za-z0-9_]*)|(==|!=|<=|>=|[<>()[\],.+\-*/]))/y;

function tokens(text: string): Token[] {
  const out: Token[] = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  while (text.slice(at).trim() !== "") {
    TOKEN.lastIndex = at;
    const m = TOKEN.exec(text);
    if (!m) throw new ExpressionError(`"${text.slice(at).trim().slice(0, 12)}" is not understood here`, at);
    const start = at + (m[0].length - m[0].trimStart().length);
    const string = m[2] ?? m[3];
    if (m[1] !== undefined) out.push({ type: "num", text: m[1], value: Number(m[1]), at: start });
    else if (string !== undefined)
      out.push({ type: "str", text: string, value: string.replace(/\\(.)/g, "$1"), at: start });
    else if (m[4] !== undefined) out.push({ type: "name", text: m[4], at: start });
    else out.push({ type: "op", text: m[5]!, at: start });
    at = TOKEN.lastIndex;
  }
  out.push({ type: "end", text: "the end", at: text.length });
  return out;
}

const COMPARISONS = new Set(["==", "!=", "<", "<=", ">", ">="]);
const MAX_DEPTH = 32;

/** Reads an expression. @throws ExpressionError with the place of what is wrong. */
export function parseExpression(text: string): Expression {
  const all = tokens(text);
  let i = 0;
  let depth = 0;
  const peek = (): Token => all[i]!;
  const is = (t: string): boolean => (peek().type === "op" || peek().type === "name") && peek().text === t;
  const take = (t: string): boolean => is(t) && ++i > 0;
  const need = (t: string): void => {
    if (!take(t)) throw new ExpressionError(`expected "${t}" but found ${peek().text}`, peek().at);
  };
  const binary = (op: string, left: Expression, right: Expression): Expression => ({
    kind: "binary",
    op,
    left,
    right,
  });

  function or(): Expression {
    if (++depth > MAX_DEPTH) throw new ExpressionError("nested too deeply", peek().at);
    let left = and();
    while (take("or")) left = binary("or", left, and());
    depth--;
    return left;
  }
  function and(): Expression {
    let left = not();
    while (take("and")) left = binary("and", left, not());
    return left;
  }
  function not(): Expression {
    let times = 0;
    while (take("not")) times++;
    const value = comparison();
    return times % 2 === 1 ? { kind: "not", value } : value;
  }
  function comparison(): Expression {
    const left = sum();
    if (peek().type === "op" && COMPARISONS.has(peek().text)) {
      const op = peek().text;
      i++;
      return binary(op, left, sum());
    }
    if (take("in")) return binary("in", left, sum());
    if (take("contains")) return binary("in", sum(), left);
    if (is("not") && all[i + 1]?.text === "in") {
      i += 2;
      return { kind: "not", value: binary("in", left, sum()) };
    }
    return left;
  }
  function sum(): Expression {
    let left = product();
    for (;;) {
      if (take("+")) left = binary("+", left, product());
      else if (take("-")) left = binary("-", left, product());
      else return left;
    }
  }
  function product(): Expression {
    let left = primary();
    for (;;) {
      if (take("*")) left = binary("*", left, primary());
      else if (take("/")) left = binary("/", left, primary());
      else return left;
    }
  }
  function primary(): Expression {
    const t = peek();
    if (t.type === "num" || t.type === "str") {
      i++;
      return { kind: "literal", value: t.value };
    }
    if (take("-")) return binary("-", { kind: "literal", value: 0 }, primary());
    if (take("(")) {
      const inner = or();
      need(")");
      return inner;
    }
    if (take("[")) {
      const items: Expression[] = [];
      while (!is("]")) {
        items.push(or());
        if (!take(",")) break;
      }
      need("]");
      return { kind: "list", items };
    }
    if (t.type !== "name") throw new ExpressionError(`expected a value but found ${t.text}`, t.at);
    i++;
    if (t.text === "true" || t.text === "false") return { kind: "literal", value: t.text === "true" };
    if (t.text === "null") return { kind: "literal", value: null };
    if (take("(")) {
      const fn = Object.hasOwn(FUNCTIONS, t.text) ? FUNCTIONS[t.text] : undefined;
      if (!fn)
        throw new ExpressionError(
          `there is no function ${t.text}; there are ${Object.keys(FUNCTIONS).join(", ")}`,
          t.at,
        );
      const args: Expression[] = [];
      while (!is(")")) {
        args.push(or());
        if (!take(",")) break;
      }
      need(")");
      if (args.length < fn.args[0] || args.length > fn.args[1])
        throw new ExpressionError(`${t.text}() takes ${fn.args[0]} values, not ${args.length}`, t.at);
      return { kind: "call", name: t.text, args, at: t.at };
    }
    const parts: (string | number)[] = [t.text];
    for (;;) {
      if (take(".")) {
        if (peek().type !== "name") throw new ExpressionError(`expected a name after "."`, peek().at);
        parts.push(peek().text);
        i++;
      } else if (take("[")) {
        const key = peek();
        if (key.type !== "num" && key.type !== "str")
          throw new ExpressionError("expected a number or text in [ ]", key.at);
        parts.push(key.value as string | number);
        i++;
        need("]");
      } else return { kind: "path", parts, at: t.at };
    }
  }

  const result = or();
  if (peek().type !== "end") throw new ExpressionError(`"${peek().text}" is one word too many`, peek().at);
  return result;
}

// --- evaluating ------------------------------------------------------------------------------------------------

function follow(value: Value, part: string | number): Value {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) {
    if (typeof part === "number") return value[part];
    const mapped = value.map((v) => follow(v, part)).filter((v) => v !== undefined);
    return mapped.flat();
  }
  return member(value, part);
}

/** Whether a value counts as true in a condition. */
export function truthy(v: Value): boolean {
  return !(isEmpty(v) || v === false || v === 0);
}

/** The value of an expression in a scope. Never throws. */
export function evaluate(e: Expression, scope: Scope): Value {
  switch (e.kind) {
    case "literal":
      return e.value;
    case "path": {
      let value: Value = scope;
      for (const part of e.parts) value = follow(value, part);
      return value === null ? undefined : value;
    }
    case "list":
      return e.items.map((x) => evaluate(x, scope));
    case "not":
      return !truthy(evaluate(e.value, scope));
    case "call":
      return FUNCTIONS[e.name]!.run(e.args.map((a) => evaluate(a, scope)));
    case "binary":
      return binaryValue(e, scope);
  }
}

function binaryValue(e: Extract<Expression, { kind: "binary" }>, scope: Scope): Value {
  const left = evaluate(e.left, scope);
  if (e.op === "and") return truthy(left) && truthy(evaluate(e.right, scope));
  if (e.op === "or") return truthy(left) || truthy(evaluate(e.right, scope));
  const right = evaluate(e.right, scope);
  switch (e.op) {
    case "==":
      return (left ?? null) === (right ?? null);
    case "!=":
      return (left ?? null) !== (right ?? null);
    case "in":
      return typeof right === "string"
        ? right.toLowerCase().includes(String(left).toLowerCase())
        : list(right).includes(left);
    case "+":
      return exact(number(left) + number(right));
    case "-":
      return exact(number(left) - number(right));
    case "*":
      return exact(number(left) * number(right));
    case "/":
      return exact(number(left) / number(right));
  }
  if (typeof left !== typeof right || (typeof left !== "number" && typeof left !== "string")) return false;
  const l = left as number;
  const r = right as number;
  if (e.op === "<") return l < r;
  if (e.op === "<=") return l <= r;
  if (e.op === ">") return l > r;
  return l >= r;
}

/** A path that an expression reads, and whether the expression copes with its absence. */
export interface PathRead {
  readonly parts: readonly (string | number)[];
  /** Read inside `exists()` or `empty()`. */
  readonly probed: boolean;
}

/** Every path that an expression reads. */
export function pathsOf(e: Expression, probed = false): PathRead[] {
  switch (e.kind) {
    case "literal":
      return [];
    case "path":
      return [{ parts: e.parts, probed }];
    case "list":
      return e.items.flatMap((x) => pathsOf(x, probed));
    case "not":
      return pathsOf(e.value, probed);
    case "call":
      return e.args.flatMap((x) => pathsOf(x, probed || e.name === "exists" || e.name === "empty"));
    case "binary":
      return [...pathsOf(e.left, probed), ...pathsOf(e.right, probed)];
  }
}

/** Paths that are known to exist where the expression holds (`positive`) or where it does not. */
export function impliedPaths(e: Expression, positive = true): (readonly (string | number)[])[] {
  if (e.kind === "not") return impliedPaths(e.value, !positive);
  if (e.kind === "call" && e.args[0]?.kind === "path") {
    if ((e.name === "exists" && positive) || (e.name === "empty" && !positive)) return [e.args[0].parts];
  }
  if (e.kind === "binary") {
    if (e.op === (positive ? "and" : "or"))
      return [...impliedPaths(e.left, positive), ...impliedPaths(e.right, positive)];
    // A comparison with something that is there holds only for something that is there.
    if (positive && ["==", "<", "<=", ">", ">=", "in"].includes(e.op)) {
      const known = (x: Expression): boolean => x.kind === "literal" && x.value !== null;
      const out: (readonly (string | number)[])[] = [];
      if (e.left.kind === "path" && (known(e.right) || e.op !== "==")) out.push(e.left.parts);
      if (e.right.kind === "path" && (known(e.left) || e.op !== "==")) out.push(e.right.parts);
      return out;
    }
  }
  return [];
}
