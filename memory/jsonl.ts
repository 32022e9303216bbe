/** Reads JSON lines with a schema; what is wrong is named with its line. */
import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { UsageError } from "../runtime/config/errors.ts";

/** @throws UsageError when the file cannot be read, a line is no JSON or does not fit, or there is no line at all. */
export async function readJsonl<T extends z.ZodType>(file: string, schema: T): Promise<z.output<T>[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`cannot read ${file} (${error.code}): give the path of a file of JSON lines`);
  });
  const rows: z.output<T>[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const parsed = schema.safeParse(json(line, `${file}:${i + 1}`));
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      throw new UsageError(`${file}:${i + 1}: ${path.join(".") || "the line"}: ${message}`);
    }
    rows.push(parsed.data);
  }
  if (rows.length === 0) throw new UsageError(`${file} holds no line`);
  return rows;
}

function json(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new UsageError(`${where}: not JSON (${(error as Error).message})`);
  }
}
