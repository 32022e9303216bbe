/** Labelled utterances in CSV: header `text,label`, more columns are allowed. */
import { readFile } from "node:fs/promises";
import { CsvError, parse } from "csv-parse/sync";
import { UsageError } from "../../../runtime/config/errors.ts";

export interface Row {
  readonly text: string;
  readonly label: string;
}

/** @throws UsageError naming the file and the line, exit code 2. */
export async function readRows(path: string): Promise<Row[]> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? "there is no such file" : error.message;
    throw new UsageError(`${path}: ${why}`);
  });
  let content: string;
  try {
    content = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${path}: not valid UTF-8; convert it, for example with iconv -t utf-8`);
  }
  return parseRows(content, path);
}

export function parseRows(content: string, path: string): Row[] {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(content, {
      bom: true,
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
    }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UsageError(`${path}: line ${error.lines ?? "?"} is not CSV: ${error.message}`);
  }
  const header = records[0]?.record.map((name) => name.trim().toLowerCase());
  if (!header) throw new UsageError(`${path}: the file is empty; it needs a header line "text,label"`);
  const [text, label] = [header.indexOf("text"), header.indexOf("label")];
  if (text < 0 || label < 0) {
    throw new UsageError(
      `${path}: line 1 has the columns ${header.join(", ")}; "text" and "label" are needed`,
    );
  }
  const rows = records.slice(1).map(({ record, info }, i): Row => {
    const where = `${path}: row ${i + 1} (line ${info.lines})`;
    if (record.length !== header.length) {
      throw new UsageError(
        `${where} has ${record.length} columns instead of ${header.length}; put texts with commas in quotes`,
      );
    }
    const row = { text: record[text]!.trim(), label: record[label]!.trim() };
    if (row.text === "") throw new UsageError(`${where} has no text`);
    if (row.label === "") throw new UsageError(`${where} has no label`);
    return row;
  });
  if (rows.length === 0) throw new UsageError(`${path}: there is a header but no row`);
  return rows;
}
