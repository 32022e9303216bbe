/** Recordings in files: one that is read, many that are written. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { AdminClient } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { RECORDING } from "../../scenarios/recording/files.ts";
import { recordingOf } from "../../scenarios/recording/make.ts";
import { readRecordings } from "../../scenarios/recording/read.ts";
import { linesOf, parseHeader, parseRecord, type Recording } from "../../scenarios/recording/recording.ts";
import type { OwnDesk } from "../demo/own-desk.ts";

export async function writeRecording(dir: string, recording: Recording): Promise<string> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, `${recording.header.id}${RECORDING}`);
  await writeFile(file, `${linesOf(recording).join("\n")}\n`, { mode: 0o600 });
  return file;
}

/** A conversation of a running desk, with the lines of its file. */
export async function fetchRecording(
  client: AdminClient,
  conversation: string,
  raw = false,
): Promise<{ readonly recording: Recording; readonly lines: readonly string[] }> {
  const path = `/v1/admin/conversations/${encodeURIComponent(conversation)}/recording?raw=${raw}`;
  const { lines } = await client.get<{ lines: string[] }>(path);
  const [first, ...rest] = lines.map((line) => JSON.parse(line) as unknown);
  const header = parseHeader(first, "header");
  return {
    lines,
    recording: { header, records: rest.map((line, i) => parseRecord(line, `record ${i + 1}`)) },
  };
}

/** @param played conversations of this desk, by the id that each recording gets @param source what the recordings say they come from */
export async function writeRecordings(
  dir: string,
  played: readonly { readonly id: string; readonly conversation: string }[],
  { desk }: OwnDesk,
  source: string,
): Promise<void> {
  for (const { id, conversation } of played) {
    const records = await desk.node.recordsOfKey(conversation);
    await writeRecording(dir, recordingOf(id, records, desk.recorded, source));
  }
}

/** The first recording of a file. @throws UsageError */
export async function only(file: string): Promise<Recording> {
  if (!existsSync(file)) throw new UsageError(`${file} does not exist`);
  for await (const recording of readRecordings(file)) return recording;
  throw new UsageError(`${file} is empty`);
}

/** The scenario that it was made of, whose records the back office needs. */
export function writtenAs(file: string): string | undefined {
  const name = basename(file).replace(/\.jsonl$/, ".yaml");
  return [join(dirname(file), name), join(dirname(file), "..", name)].find((path) => existsSync(path));
}
