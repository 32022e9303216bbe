/** What of a desk is not in streams: its back office, and the originals of what was imported into it. */
import { join } from "node:path";
import type { Row } from "../../runtime/rows.ts";
import type { StoreSource } from "./make.ts";
import { rowsOfFiles } from "./rows.ts";

export function storesOf(dataDir: string, backOffice: { rows(): AsyncIterable<Row> }): StoreSource[] {
  return [
    { name: "backoffice", rows: () => backOffice.rows() },
    { name: "imports", rows: () => rowsOfFiles(join(dataDir, "imports")) },
  ];
}
