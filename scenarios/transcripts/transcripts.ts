/**
 * Plain chat transcripts as scenarios: what the customers wrote are the steps, and what was answered then stands beside them as a
 * comment, to write expectations from. CSV with a header, or JSON lines; each line is one message of a conversation, in order.
 */
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { parse as parseCsv } from "csv-parse/sync";
import { Document, isMap, isSeq, YAMLMap, YAMLSeq } from "yaml";
import { z } from "zod";
import { UsageError } from "../../runtime/config/errors.ts";

export interface TranscriptLine {
  readonly speaker: "customer" | "other";
  readonly text: string;
}

export interface Transcript {
  readonly conversation: string;
  readonly lines: readonly TranscriptLine[];
}

/** Who is meant by the words of other systems. */
const CUSTOMERS = /^(?:customer|user|client|visitor|consumer|contact|end.?user|requester)$/i;
const COLUMNS = {
  speaker: ["speaker", "role", "author", "from"],
  text: ["text", "content", "message", "body"],
};
/** Of one answer that is shown beside a step. */
const ANSWER_CHARS = 300;

const rowShape = z.object({
  conversation: z.union([z.string().min(1), z.number()]).transform(String),
  speaker: z.string().min(1),
  text: z.string(),
});

/** @throws UsageError with file and line */
export function readTranscripts(file: string): Transcript[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    throw new UsageError(`${file}: cannot be read as UTF-8 text (${(error as Error).message})`);
  }
  const rows = extname(file).toLowerCase() === ".csv" ? ofCsv(text, file) : ofJsonLines(text, file);
  const found = new Map<string, TranscriptLine[]>();
  for (const { line, value } of rows) {
    const parsed = rowShape.safeParse({
      conversation: value.conversation ?? value.conversation_id ?? value.thread,
      speaker: columnOf(value, COLUMNS.speaker),
      text: columnOf(value, COLUMNS.text),
    });
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      throw new UsageError(
        `${file}:${line}: ${path.map(String).join(".")}: ${message}; each line needs conversation, speaker (customer or another) and text`,
      );
    }
    const { conversation, speaker, text: said } = parsed.data;
    if (said.trim() === "") continue;
    const lines = found.get(conversation) ?? [];
    lines.push({ speaker: CUSTOMERS.test(speaker.trim()) ? "customer" : "other", text: said.trim() });
    found.set(conversation, lines);
  }
  const transcripts = [...found].map(([conversation, lines]) => ({ conversation, lines }));
  if (!transcripts.some(({ lines }) => lines.some(({ speaker }) => speaker === "customer"))) {
    throw new UsageError(
      `${file}: no line is a customer's: the speaker has to be customer, user, client, visitor, contact or requester`,
    );
  }
  return transcripts;
}

type Row = Readonly<Record<string, unknown>>;

function columnOf(row: Row, names: readonly string[]): unknown {
  return names.map((name) => row[name]).find((value) => value !== undefined);
}

function ofCsv(text: string, file: string): { line: number; value: Row }[] {
  try {
    const rows = parseCsv(text, {
      bom: true,
      columns: true,
      skip_empty_lines: true,
      info: true,
    }) as unknown as {
      record: Row;
      info: { lines: number };
    }[];
    return rows.map(({ record, info }) => ({ line: info.lines, value: record }));
  } catch (error) {
    const { message, lines } = error as { message: string; lines?: number };
    throw new UsageError(`${file}${lines === undefined ? "" : `:${lines}`}: ${message}`);
  }
}

function ofJsonLines(text: string, file: string): { line: number; value: Row }[] {
  return text.split(/\r?\n/).flatMap((each, i) => {
    if (each.trim() === "") return [];
    let value: unknown;
    try {
      value = JSON.parse(each);
    } catch (error) {
      throw new UsageError(`${file}:${i + 1}: is no JSON (${(error as Error).message})`);
    }
    if (typeof value !== "object" || value === null) throw new UsageError(`${file}:${i + 1}: is no object`);
    return [{ line: i + 1, value: value as Row }];
  });
}

/** A scenario's name: small letters, digits, dots and dashes. */
export function nameOf(conversation: string): string {
  const name = conversation
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+|-+$/g, "");
  return name === "" ? "transcript" : name;
}

/** The scenario's YAML; undefined where the customer wrote nothing. */
export function scenarioYaml(name: string, { lines }: Transcript, source: string): string | undefined {
  const steps = new YAMLSeq();
  const document = new Document({
    name,
    description: `From ${source}; expectations are still to be written`,
    steps,
  });
  let before = "";
  for (const { speaker, text } of lines) {
    if (speaker === "customer") {
      const step = new YAMLMap();
      step.set(document.createNode("customer"), document.createNode(text));
      if (before) step.commentBefore = before;
      before = "";
      steps.add(step);
      continue;
    }
    const short = text.length > ANSWER_CHARS ? `${text.slice(0, ANSWER_CHARS - 1)}…` : text;
    before += `${before ? "\n" : ""} was answered: ${short.replaceAll(/\s*\n\s*/g, " ⏎ ")}`;
  }
  if (steps.items.length === 0) return undefined;
  if (before) document.comment = before;
  const root = document.contents;
  if (isMap(root)) {
    const kept = root.get("steps", true);
    if (isSeq(kept)) kept.items = steps.items;
  }
  return document.toString({ lineWidth: 110 });
}
