/** Loading a company's own records into the embedded back office. */
export { ImportError } from "./errors.ts";
export { type ImportOptions, type ImportResult, importFiles } from "./importer.ts";
export { loadMap, parseMap, shippedMaps } from "./maps.ts";
export { digestOf, type Original, originals, originalsFolder } from "./originals.ts";
export { mustBeReadable } from "./read-file.ts";
export { adminTarget, IMPORT_PATH, type ImportLoad, type ImportTarget, storeTarget } from "./target.ts";
