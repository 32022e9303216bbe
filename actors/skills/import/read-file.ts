/** Records of a file: JSON (list or object of records), NDJSON, CSV with a header line. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import { createInterface } from "node:readline";
import { pipeline, Readable } from "node:stream";
import { parse as csvParser } from "csv-parse";
import { ImportError } from "./errors.ts";
import { JsonSyntaxError, jsonRecords, type RawRecord } from "./json-records.ts";

export type Format = "json" | "ndjson" | "csv";

const FORMATS: Readonly<Record<string, Format>> = {
  ".json": "json",
  ".ndjson": "ndjson",
  ".jsonl": "ndjson",
  ".csv": "csv",
};

export function formatOf(path: string): Format {
  const format = FORMATS[extname(path).toLowerCase()];
  if (!format) {
    throw new ImportError(
      basename(path),
      undefined,
      `files that end in ${extname(path) || "nothing"} are not known`,
      "use .json, .ndjson (or .jsonl) or .csv",
    );
  }
  return format;
}

/** @throws ImportError for a file that is not there, a folder, or a kind of file that is not known. */
export async function mustBeReadable(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new ImportError(path, undefined, "is a folder", "name the files: import FOLDER/*.json --into NAME");
  }
  formatOf(path);
  if (!found?.isFile()) throw new ImportError(path, undefined, "there is no such file");
}

/** @throws ImportError with file and place for everything that cannot be read. */
export async function* readRecords(path: string): AsyncGenerator<RawRecord> {
  const name = basename(path);
  await mustBeReadable(path);
  const format = formatOf(path);
  try {
    if (format === "json") yield* jsonRecords(textOf(path));
    else if (format === "ndjson") yield* lines(path, name);
    else yield* rows(path);
  } catch (error) {
    if (error instanceof ImportError) throw error;
    if (error instanceof JsonSyntaxError) throw new ImportError(name, `line ${error.line}`, error.message);
    const { code, message } = error as { code?: string; message: string };
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
      throw new ImportError(
        name,
        undefined,
        "the text is not valid UTF-8",
        "convert it: iconv -f latin1 -t utf-8",
      );
    }
    throw new ImportError(name, undefined, message);
  }
}

async function* textOf(path: string): AsyncGenerator<string> {
  // Strict: a wrong byte is an error, not a replacement character in somebody's name. It also drops a BOM.
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of createReadStream(path)) yield decoder.decode(chunk as Buffer, { stream: true });
  yield decoder.decode();
}

async function* lines(path: string, name: string): AsyncGenerator<RawRecord> {
  let line = 0;
  let number = 0;
  for await (const text of createInterface({ input: Readable.from(textOf(path)), crlfDelay: Infinity })) {
    line++;
    if (text.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new ImportError(name, `line ${line}`, `no valid JSON: ${(error as Error).message}`);
    }
    yield { value, number: ++number, line };
  }
}

async function* rows(path: string): AsyncGenerator<RawRecord> {
  const parser = csvParser({ columns: true, bom: true, skip_empty_lines: true, trim: true, info: true });
  // Errors of the source reach the parser and so the loop below.
  pipeline(Readable.from(textOf(path)), parser, () => {});
  let number = 0;
  for await (const { record, info } of parser as AsyncIterable<{ record: object; info: { lines: number } }>) {
    yield { value: record, number: ++number, line: info.lines };
  }
}
