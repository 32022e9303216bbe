/** Loads files into the back office: each of them completely or not at all. */
import { basename, extname } from "node:path";
import { UsageError } from "../../../runtime/config/errors.ts";
import type { JsonObject } from "../../../runtime/json.ts";
import { COLLECTIONS } from "../backoffice/index.ts";
import { applyMap, MapError } from "./apply-map.ts";
import { ImportError } from "./errors.ts";
import type { RawRecord } from "./json-records.ts";
import type { FileMap, ImportMap } from "./map-language.ts";
import { fileMapFor, loadMap, recognise, shippedMaps } from "./maps.ts";
import { keepOriginal, originalsFolder } from "./originals.ts";
import { formatOf, mustBeReadable, readRecords } from "./read-file.ts";
import { isKnown, nested, type Problem, shaped } from "./shape.ts";
import type { ImportTarget } from "./target.ts";

export interface ImportOptions {
  readonly files: readonly string[];
  /** `retail`, or `retail/orders` to name the collection too. */
  readonly into: string;
  /** Field that identifies a record. */
  readonly key?: string;
  /** Path of a map, name of a shipped one, or `none` for records that are in our shape although a map might fit. */
  readonly map?: string;
  /** Data directory in which a copy of each file is kept: see originals.ts. */
  readonly keepIn?: string;
  readonly onProgress?: (file: string, records: number) => void;
}

export interface ImportResult {
  readonly dataset: string;
  readonly files: readonly { readonly file: string; readonly collection: string; readonly records: number }[];
  readonly records: number;
}

/** @throws ImportError, UsageError; files before the wrong one have been loaded, of the wrong one nothing. */
export async function importFiles(target: ImportTarget, options: ImportOptions): Promise<ImportResult> {
  const { dataset, collection } = destination(options.into);
  for (const path of options.files) await mustBeReadable(path);
  const map = options.map && options.map !== "none" ? loadMap(options.map) : undefined;
  if (map && collection)
    throw new UsageError("a map says which collections are filled: give --into without one");
  // Everything that can be known before reading is checked first, so that a slip does not leave half of the files.
  const plan = options.files.map((path) => {
    formatOf(path);
    if (!map) return { path, collection: collection ?? collectionOf(path), fileMap: undefined };
    const fileMap = fileMapFor(map, path);
    if (!fileMap)
      throw new ImportError(
        basename(path),
        undefined,
        `the map ${map.name} has no files like this`,
        known(map),
      );
    return { path, collection: fileMap.into as string, fileMap };
  });
  const files: ImportResult["files"][number][] = [];
  for (const { path, collection: into, fileMap } of plan) {
    const records = await importFile(target, dataset, path, into, fileMap, map, options);
    files.push({ file: basename(path), collection: into, records });
    if (options.keepIn) {
      await keepOriginal(originalsFolder(options.keepIn, dataset), path, {
        collection: into,
        records,
        map: options.map,
        key: options.key,
      });
    }
  }
  return { dataset, files, records: files.reduce((sum, f) => sum + f.records, 0) };
}

async function importFile(
  target: ImportTarget,
  dataset: string,
  path: string,
  collection: string,
  fileMap: FileMap | undefined,
  map: ImportMap | undefined,
  options: ImportOptions,
): Promise<number> {
  const file = basename(path);
  const load = await target.begin(dataset);
  let count = 0;
  try {
    for await (const raw of readRecords(path)) {
      const record = fileMap ? mapped(fileMap, raw, file) : ours(raw, file, collection, options);
      const result = shaped(collection, record, { fromText: formatOf(path) === "csv" });
      if ("problem" in result)
        throw wrong(file, raw, result.problem, fileMap ? undefined : hintFor(raw, options));
      await load.put(collection, result.record);
      if (++count % 500 === 0) options.onProgress?.(file, count);
    }
    if (count === 0) throw new ImportError(file, undefined, "holds no records");
    return await load.commit(map?.settings);
  } catch (error) {
    // What went wrong first is what has to be told.
    await load.discard().catch(() => {});
    throw error;
  }
}

function mapped(map: FileMap, raw: RawRecord, file: string): JsonObject {
  if (typeof raw.value !== "object" || raw.value === null || Array.isArray(raw.value)) {
    throw new ImportError(file, place(raw), "is no object");
  }
  const lacking = map.signature.filter((member) => !Object.hasOwn(raw.value as object, member));
  if (lacking.length > 0) {
    throw new ImportError(
      file,
      place(raw),
      `has no ${lacking.join(", ")}`,
      "is it the file that the map is for?",
    );
  }
  try {
    return applyMap(map, raw.value, raw.key);
  } catch (error) {
    if (error instanceof MapError)
      throw new ImportError(file, `${place(raw)}, field ${error.field}`, error.message);
    throw error;
  }
}

/** A record without a map: as it is, with its id. */
function ours(raw: RawRecord, file: string, collection: string, options: ImportOptions): JsonObject {
  const { value } = raw;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ImportError(file, place(raw), "is no object");
  }
  // Even where it would fit anywhere: a world that is loaded under the wrong names is of no use to the desk.
  if (raw.number === 1 && options.map !== "none" && !isKnown(collection)) {
    const hint = hintFor(raw, options);
    if (hint)
      throw new ImportError(file, place(raw), `is not in the shape of a collection of the desk`, hint);
  }
  const record = extname(file).toLowerCase() === ".csv" ? nested(value as Record<string, string>) : value;
  const key = options.key ? (record as JsonObject)[options.key] : ((record as JsonObject).id ?? raw.key);
  if (options.key && (typeof key !== "string" || key === "") && typeof key !== "number") {
    throw new ImportError(
      file,
      `${place(raw)}, field ${options.key}`,
      "is missing, and it is what identifies a record",
    );
  }
  return key === undefined ? (record as JsonObject) : { ...record, id: String(key) };
}

const place = (raw: RawRecord): string =>
  `record ${raw.number}${raw.key === undefined ? "" : ` (${raw.key})`} on line ${raw.line}`;

function wrong(file: string, raw: RawRecord, problem: Problem, hint?: string): ImportError {
  return new ImportError(file, `${place(raw)}, field ${problem.field}`, problem.message, hint);
}

function hintFor(raw: RawRecord, options: ImportOptions): string | undefined {
  if (options.map !== undefined) return undefined;
  const name = recognise(raw.value);
  return name
    ? `this looks like the data that the map ${name} is for: add --map ${name} (or --map none to load it as it is)`
    : undefined;
}

function destination(into: string): { dataset: string; collection?: string } {
  const [dataset, collection, more] = into.split("/");
  const name = /^[A-Za-z0-9_-]{1,32}$/;
  if (
    !dataset ||
    !name.test(dataset) ||
    (collection !== undefined && !name.test(collection)) ||
    more !== undefined
  ) {
    throw new UsageError(
      `--into ${into} is not valid: give a dataset such as retail, or dataset and collection such as retail/orders`,
    );
  }
  return collection ? { dataset, collection } : { dataset };
}

/** `orders.json` and `orders-2026.csv` go into orders. */
function collectionOf(path: string): string {
  const base = basename(path, extname(path)).toLowerCase();
  const ours = Object.keys(COLLECTIONS).find((name) => base === name || base.startsWith(`${name}-`));
  const plain = ours ?? base.replace(/[^a-z0-9_-]/g, "-").slice(0, 32);
  if (!plain)
    throw new UsageError(`${basename(path)} gives no name for a collection: use --into DATASET/COLLECTION`);
  return plain;
}

const known = (map: ImportMap): string =>
  `it knows ${map.files.map((f) => f.file).join(", ")}; shipped maps: ${shippedMaps().join(", ")}`;
