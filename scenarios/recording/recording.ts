/**
 * Recordings: `*.scenario.jsonl`. A header line, then one envelope a line in the order of the log: all records of one
 * conversation, with those of its tasks, hand-offs and channel.
 *
 *     {"bailiwick":1,"id":"…","source":"live","startedAt":"…","records":14,"machines":{"conversation":1,…},"settings":{…}}
 *     {"seq":12,"id":"…","type":"conversation.open","from":"channel/…","to":"conversation/…","at":1764…,"clear":{},"data":{…}}
 */
import { z } from "zod";
import { formatAddress, parseAddress } from "../../runtime/address.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import type { JsonObject } from "../../runtime/json.ts";

/** Version of the format that this release writes, and the last that it reads. */
export const FORMAT = 1;

const word = z.string().min(1);
const object = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;
const addressText = z.string().transform((text, context) => {
  try {
    return parseAddress(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
    return z.NEVER;
  }
});

export const headerSchema = z.looseObject({
  bailiwick: z.number().int().min(1),
  /** Of the scenario: letters, digits, dots and dashes. */
  id: word,
  /** Where it comes from: `live`, a scenario written by hand, a fork of another recording. */
  source: word,
  /** When the conversation began. */
  startedAt: z.iso.datetime(),
  /** Lines that follow. */
  records: z.number().int().min(1),
  /** Key that all its actors share. */
  conversation: word,
  /** Versions that its actors began with, by kind. */
  machines: z.record(z.string(), z.number().int().min(1)),
  /** What identifies what it was made by: `playbooks` and others. */
  digests: z.record(z.string(), z.string()).default({}),
  /** What its machines were made of: policy, time-outs, workspace. */
  settings: object,
  /** Names, addresses and numbers of people are replaced by others. */
  redacted: z.boolean(),
});

const recordSchema = z.strictObject({
  seq: z.number().int().min(1),
  id: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "is no id"),
  type: z.string().regex(/^[a-z][A-Za-z0-9._-]{0,127}$/, "is no type word"),
  from: addressText,
  to: addressText,
  at: z.number(),
  cause: z.string().optional(),
  correlation: z.string().optional(),
  epoch: z.number().int().default(0),
  machine: z.number().int().min(1).optional(),
  clear: object.default({}),
  data: object.default({}),
});

export type RecordingHeader = z.output<typeof headerSchema>;

export interface Recording {
  readonly header: RecordingHeader;
  /** In the order of the log. */
  readonly records: readonly StoredRecord[];
  /** File it was read from; undefined while it is in none. */
  readonly file?: string;
}

/** Whether a line of JSON begins a recording, and not something else that is kept in JSON lines. */
function isHeader(value: unknown): boolean {
  return typeof value === "object" && value !== null && "bailiwick" in value;
}

/** @param where `<file>:<line>` @throws UsageError */
export function parseHeader(value: unknown, where: string): RecordingHeader {
  if (!isHeader(value)) {
    throw new UsageError(
      `${where}: is no recording: its first line has to be a header, {"bailiwick": ${FORMAT}, "id": …}, as \`bin/bailiwick record\` writes it`,
    );
  }
  const version = (value as { bailiwick: unknown }).bailiwick;
  if (typeof version === "number" && version > FORMAT) {
    throw new UsageError(
      `${where}: is of a newer release (format ${version}, this one reads up to ${FORMAT}): replay it with that release`,
    );
  }
  return parsed(headerSchema, value, where);
}

/** @param where `<file>:<line>` @throws UsageError */
export function parseRecord(value: unknown, where: string): StoredRecord {
  return parsed(recordSchema, value, where) as StoredRecord;
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new UsageError(`${where}: ${path.length > 0 ? `${path.join(".")}: ` : ""}${message}`);
}

/** The lines of a recording's file. What is for tracing alone is left out. */
export function linesOf({ header, records }: Recording): string[] {
  return [
    JSON.stringify(header),
    ...records.map(({ seq, id, type, from, to, at, cause, correlation, epoch, machine, clear, data }) =>
      JSON.stringify({
        seq,
        id,
        type,
        from: formatAddress(from),
        to: formatAddress(to),
        at,
        cause,
        correlation,
        epoch,
        machine,
        clear,
        data,
      }),
    ),
  ];
}
