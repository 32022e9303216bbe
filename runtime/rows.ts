/** A LevelDB as rows, for whoever copies it as a whole. */
import type { Level } from "level";

export type Row = readonly [key: string, value: Uint8Array];

/** All rows as they are when the first is asked for, whatever is written meanwhile. */
export async function* rowsOf(db: Level<string, any>): AsyncGenerator<Row> {
  const all = db.iterator<string, Uint8Array>({ keyEncoding: "utf8", valueEncoding: "view" });
  for await (const [key, value] of all) yield [key, value];
}
