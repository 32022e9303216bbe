/** Reads recordings from their files, and says by line what is wrong with one. */
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { UsageError } from "../../runtime/config/errors.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import { parseHeader, parseRecord, type Recording, type RecordingHeader } from "./recording.ts";

const READ_WHOLE_BYTES = 4 * 1024 * 1024;

/** A file holds one recording, or several one after the other. @throws UsageError with file and line */
export async function* readRecordings(file: string): AsyncGenerator<Recording> {
  const lines = new Lines(file);
  for await (const line of linesOf(file)) {
    const ended = lines.take(line);
    if (ended) yield ended;
  }
  yield lines.end();
}

/**
 * A small file at once, which takes less than the trips to the thread pool would; a large one is never in memory as a whole.
 */
function linesOf(file: string): Iterable<string> | AsyncIterable<string> {
  if (statSync(file).size > READ_WHOLE_BYTES)
    return createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity });
  return readFileSync(file, "utf8").trimEnd().split(/\r?\n/);
}

/** What the lines of a file come to. */
class Lines {
  readonly #file: string;
  #number = 0;
  #header: RecordingHeader | undefined;
  #records: StoredRecord[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** Answers the recording that ended before this line. */
  take(line: string): Recording | undefined {
    this.#number++;
    if (line.trim() === "") return undefined;
    const where = `${this.#file}:${this.#number}`;
    const value = jsonOf(line, where);
    if (!this.#header || this.#records.length === this.#header.records) {
      const ended = this.#header && this.end();
      this.#header = parseHeader(value, where);
      this.#records = [];
      return ended;
    }
    const record = parseRecord(value, where);
    const before = this.#records.at(-1);
    if (before && record.seq <= before.seq) {
      throw new UsageError(
        `${where}: record ${record.seq} comes after ${before.seq}: the lines are not in the order of the log`,
      );
    }
    if (record.to.key !== this.#header.conversation) {
      throw new UsageError(
        `${where}: to: belongs to ${record.to.key}, and this is a recording of ${this.#header.conversation}`,
      );
    }
    this.#records.push(record);
    return undefined;
  }

  /** The last one. */
  end(): Recording {
    const header = this.#header;
    const records = this.#records;
    if (!header) throw new UsageError(`${this.#file}: is empty: a recording has a header and records`);
    if (records.length < header.records) {
      throw new UsageError(
        `${this.#file}:${this.#number}: ends after ${records.length} of ${header.records} records: it is cut off; record or copy it again`,
      );
    }
    return { header, records, file: this.#file };
  }
}

function jsonOf(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new UsageError(`${where}: is no JSON (${(error as Error).message})`);
  }
}
