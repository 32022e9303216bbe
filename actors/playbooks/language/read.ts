/** Reads a playbook from YAML. Everything that is wrong is reported at once, with file, line and column. */
import { isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { type Diagnostic, didYouMean, PlaybookError } from "./diagnostics.ts";
import {
  type Branch,
  type PlaybookDef,
  playbookSchema,
  RESERVED,
  type Step,
  slotSchema,
  stepSchemas,
  VERBS,
  type Verb,
} from "./schema.ts";

export type Path = readonly (string | number)[];

/** A playbook as read, able to say where a part of it stands. */
export interface PlaybookSource {
  readonly file: string;
  readonly text: string;
  readonly def: PlaybookDef;
  /** A diagnostic at a part of the document. */
  at(path: Path, code: string, message: string): Diagnostic;
}

const MAX_BYTES = 256 * 1024;

/** @throws PlaybookError with everything that is wrong. */
export function readPlaybook(text: string, file: string): PlaybookSource {
  const found: Diagnostic[] = [];
  if (Buffer.byteLength(text) > MAX_BYTES) {
    throw new PlaybookError([
      { file, line: 1, col: 1, code: "too-large", message: `larger than ${MAX_BYTES / 1024} KiB` },
    ]);
  }
  const counter = new LineCounter();
  const doc = parseDocument(text, { lineCounter: counter, prettyErrors: false, uniqueKeys: true });
  for (const e of doc.errors) {
    const pos = counter.linePos(e.pos[0]);
    found.push({ file, line: pos.line, col: pos.col, code: "yaml", message: e.message });
  }
  if (found.length) throw new PlaybookError(found);

  const at = (path: Path, code: string, message: string): Diagnostic => {
    const offset = offsetOf(doc.contents, path);
    const pos = counter.linePos(offset);
    return { file, line: pos.line, col: pos.col, code, message };
  };
  const report = (path: Path, code: string, message: string): void => {
    found.push(at(path, code, message));
  };

  let plain: unknown;
  try {
    plain = doc.toJS({ maxAliasCount: 50 });
  } catch (error) {
    throw new PlaybookError([at([], "yaml", (error as Error).message)]);
  }
  const raw = check(playbookSchema, plain, [], report);
  if (!raw) throw new PlaybookError(found);

  const steps = readSteps(raw.steps, ["steps"], report);
  const on = readBranches(raw.on, ["on"], report);
  for (const slot of Object.keys(raw.slots)) {
    if ((RESERVED as readonly string[]).includes(slot))
      report(["slots", slot], "reserved", `"${slot}" has a meaning of its own; call the slot something else`);
  }
  if (found.length) throw new PlaybookError(found);
  return { file, text, def: { ...raw, steps, on }, at };
}

type Report = (path: Path, code: string, message: string) => void;

/** Offset of a part: the key of a member, the start of an element. Unknown parts answer their nearest parent. */
function offsetOf(contents: unknown, path: Path): number {
  let node: unknown = contents;
  let offset = isNode(node) && node.range ? node.range[0] : 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === String(part));
      if (!pair) return offset;
      const key = pair.key;
      if (isNode(key) && key.range) offset = key.range[0];
      node = pair.value;
    } else if (isNode(node) && "items" in node && typeof part === "number") {
      node = (node.items as unknown[])[part];
      if (isNode(node) && node.range) offset = node.range[0];
    } else return offset;
  }
  return offset;
}

/** Keys of an object schema, for "did you mean". */
function keysOf(schema: z.ZodType, path: Path): string[] {
  let s: unknown = schema;
  for (const part of path) {
    const d = unwrap(s);
    const shape = (d as { shape?: Record<string, unknown> }).shape;
    if (shape && Object.hasOwn(shape, part)) s = shape[part as string];
    else
      s = (d as { valueType?: unknown; element?: unknown }).valueType ?? (d as { element?: unknown }).element;
    if (!s) return [];
  }
  const shape = (unwrap(s) as { shape?: object }).shape;
  return shape ? Object.keys(shape) : [];
}

function unwrap(s: unknown): object {
  let x = s as { unwrap?: () => unknown };
  while (typeof x?.unwrap === "function") x = x.unwrap() as typeof x;
  return (x ?? {}) as object;
}

function check<S extends z.ZodType>(
  schema: S,
  value: unknown,
  path: Path,
  report: Report,
): z.output<S> | undefined {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const where = [...path, ...(issue.path as (string | number)[])];
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) {
        const hint = didYouMean(key, keysOf(schema, issue.path as Path));
        report([...where, key], "unknown-key", `"${key}" is not known here${hint}`);
      }
    } else if (issue.code === "invalid_type" && /received undefined/.test(issue.message)) {
      report(where, "missing-key", `"${String(issue.path.at(-1))}" is missing`);
    } else report(where, "invalid", `${where.at(-1) ?? "playbook"}: ${issue.message}`);
  }
  return undefined;
}

function readSteps(values: readonly unknown[], path: Path, report: Report): Step[] {
  const out: Step[] = [];
  values.forEach((value, i) => {
    const step = readStep(value, [...path, i], report);
    if (step) out.push(step);
  });
  return out;
}

function verbOf(keys: readonly string[]): Verb | undefined {
  // `if` is a verb only where nothing else is, elsewhere it is the condition of a step.
  return VERBS.find((v) => v !== "if" && keys.includes(v)) ?? (keys.includes("if") ? "if" : undefined);
}

function readStep(value: unknown, path: Path, report: Report): Step | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    report(
      path,
      "invalid",
      `a step is a mapping such as "say: …", not ${JSON.stringify(value)?.slice(0, 40)}`,
    );
    return undefined;
  }
  const keys = Object.keys(value);
  const verb = verbOf(keys);
  if (!verb) {
    const near = keys.map((k) => didYouMean(k, VERBS)).find((h) => h !== "") ?? "";
    report(
      path,
      "unknown-step",
      `a step needs one of ${VERBS.join(", ")}; found ${keys.join(", ") || "nothing"}${near}`,
    );
    return undefined;
  }
  const sentence = (value as { handoff?: unknown }).handoff;
  if (verb === "handoff" && (sentence === null || (typeof sentence === "string" && sentence.trim() === ""))) {
    report([...path, "handoff"], "handoff-sentence", "a hand-off needs a sentence for the customer");
    return undefined;
  }
  const step = check(stepSchemas[verb] as z.ZodType, value, path, report) as
    | Record<string, unknown>
    | undefined;
  if (!step) return undefined;
  const out: Record<string, unknown> = { ...step, verb, path };
  for (const key of ["yes", "no", "do", "else"]) {
    if (step[key] !== undefined) out[key] = readBranch(step[key], [...path, key], report);
  }
  if (step.on) out.on = readBranches(step.on as Record<string, unknown>, [...path, "on"], report);
  if (verb === "choose") {
    out.options = (step.options as { do?: unknown }[]).map((o, i) =>
      o.do === undefined ? o : { ...o, do: readBranch(o.do, [...path, "options", i, "do"], report) },
    );
  }
  return out as unknown as Step;
}

function readBranch(value: unknown, path: Path, report: Report): Branch {
  return typeof value === "string" ? value : readSteps(value as unknown[], path, report);
}

function readBranches(
  value: Readonly<Record<string, unknown>>,
  path: Path,
  report: Report,
): Record<string, Branch> {
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, readBranch(v, [...path, k], report)]));
}

export { slotSchema };
