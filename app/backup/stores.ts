/** What of a desk is not in streams: its back office, and the originals of what was imported into it. */
import { join } from "node:path";
import { subjectsOf } from "../../runtime/bus/index.ts";
import type { Row } from "../../runtime/rows.ts";
import { memoryStreamOf } from "./content.ts";
import type { StoreSource } from "./make.ts";
import { rowsOfFiles } from "./rows.ts";

export interface StoresOptions {
  readonly dataDir: string;
  readonly workspace: string;
  readonly backOffice: { rows(): AsyncIterable<Row> };
  readonly memory: { rows(): AsyncIterable<Row> };
}

export function storesOf({ dataDir, workspace, backOffice, memory }: StoresOptions): StoreSource[] {
  return [
    { name: "memory", rows: () => memory.rows(), foldOf: memoryStreamOf(subjectsOf(workspace)) },
    { name: "backoffice", rows: () => backOffice.rows() },
    { name: "imports", rows: () => rowsOfFiles(join(dataDir, "imports")) },
  ];
}
