/** Maps from files, and those that are shipped. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { UsageError } from "../../../runtime/config/errors.ts";
import { asset } from "../../../runtime/config/paths.ts";
import { type FileMap, type ImportMap, mapSchema } from "./map-language.ts";

const SHIPPED = "actors/skills/import/maps";

export function shippedMaps(): string[] {
  return readdirSync(asset(SHIPPED))
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => basename(file, ".yaml"))
    .sort();
}

/** @param which a path, or the name of a shipped map. @throws UsageError with the place of what is wrong. */
export function loadMap(which: string): ImportMap {
  const shipped = shippedMaps().includes(which);
  const path = shipped ? asset(SHIPPED, `${which}.yaml`) : which;
  if (!existsSync(path)) {
    throw new UsageError(`there is no map ${which}: give a YAML file, or one of ${shippedMaps().join(", ")}`);
  }
  return parseMap(readFileSync(path, "utf8"), shipped ? `${which}.yaml` : path);
}

export function parseMap(text: string, name: string): ImportMap {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = document.errors[0];
  if (syntax) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    throw new UsageError(`${name}:${line}:${col}: ${syntax.message}`);
  }
  const parsed = mapSchema.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  // The deepest part of the path that is really there.
  let node: unknown;
  for (let n = issue.path.length; n > 0 && !node; n--) node = document.getIn(issue.path.slice(0, n), true);
  const at = (node as { range?: [number] } | undefined)?.range?.[0];
  const place = at === undefined ? "" : `:${lines.linePos(at).line}`;
  throw new UsageError(`${name}${place}: ${issue.path.map(String).join(".") || "the map"}: ${issue.message}`);
}

/** The part of a map that is for a file, by its base name. */
export function fileMapFor(map: ImportMap, file: string): FileMap | undefined {
  return map.files.find((f) => globOf(f.file).test(basename(file)));
}

/** The shipped map whose signature a record has. */
export function recognise(record: unknown): string | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  return shippedMaps().find((name) =>
    loadMap(name).files.some((f) => f.signature.every((member) => Object.hasOwn(record, member))),
  );
}

function globOf(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\?]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${escaped}$`, "i");
}
