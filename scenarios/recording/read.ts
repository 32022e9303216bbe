/** Reads recordings from their files, and says by line what is wrong with one. */
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { UsageError } from "../../runtime/config/errors.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import { parseHeader, parseRecord, type Recording, type RecordingHeader } from "./recording.ts";

const READ_WHOLE_BYTES = 4 * 1024 * 1024;

/** A file holds one recording, or several one after the other. @throws UsageError with file and line */
export async function* readRecordings(file: string): AsyncGenerator<Recording> {
  let header: RecordingHeader | undefined;
  let records: StoredRecord[] = [];
  let number = 0;
  const ended = (): Recording => {
    if (records.length < header!.records) {
      throw new UsageError(
        `${file}:${number}: ends after ${records.length} of ${header!.records} records: it is cut off; record or copy it again`,
      );
    }
    return { header: header!, records, file };
  };
  for await (const line of linesOf(file)) {
    number++;
    if (line.trim() === "") continue;
    const where = `${file}:${number}`;
    const value = jsonOf(line, where);
    if (!header || records.length === header.records) {
      if (header) yield ended();
      header = parseHeader(value, where);
      records = [];
      continue;
    }
    const record = parseRecord(value, where);
    const before = records.at(-1);
    if (before && record.seq <= before.seq) {
      throw new UsageError(
        `${where}: record ${record.seq} comes after ${before.seq}: the lines are not in the order of the log`,
      );
    }
    if (record.to.key !== header.conversation) {
      throw new UsageError(
        `${where}: to: belongs to ${record.to.key}, and this is a recording of ${header.conversation}`,
      );
    }
    records.push(record);
  }
  if (!header) throw new UsageError(`${file}: is empty: a recording has a header and records`);
  yield ended();
}

/** A small file at once, which takes less than the trips to the thread pool; a large one is never in memory as a whole. */
function linesOf(file: string): Iterable<string> | AsyncIterable<string> {
  if (statSync(file).size > READ_WHOLE_BYTES)
    return createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity });
  return readFileSync(file, "utf8").trimEnd().split(/\r?\n/);
}

function jsonOf(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new UsageError(`${where}: is no JSON (${(error as Error).message})`);
  }
}
