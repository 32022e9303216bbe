/** Reads `bailiwick.yaml` and remembers on which line each setting stands. */
import { readFileSync } from "node:fs";
import { isCollection, isMap, isNode, isPair, LineCounter, parseDocument } from "yaml";
import { ConfigError, UsageError } from "./errors.ts";

export interface ConfigFile {
  readonly path: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** `bailiwick.yaml:12:3` of the setting at a path, or of the nearest section that is there. */
  place(path: readonly PropertyKey[]): string;
}

/** @throws UsageError when the file cannot be read, ConfigError when it is not YAML. */
export function readConfigFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new UsageError(
      code === "ENOENT"
        ? `there is no configuration file ${path}: create it, or leave out --config (BAILIWICK_CONFIG) to use the defaults`
        : `the configuration file ${path} cannot be read (${code}): make it readable for this user`,
    );
  }
  return parseConfig(text, path);
}

/** @throws ConfigError when the text is not YAML, or not a map of sections. */
export function parseConfig(text: string, path: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new ConfigError(document.errors.map((e) => `${at(e.pos[0])}: not valid YAML: ${e.message}`));
  }
  if (document.contents !== null && !isMap(document.contents)) {
    throw new ConfigError([
      `${path}:1:1: the file must hold sections such as "gateway:" with settings under them`,
    ]);
  }
  const place = (wanted: readonly PropertyKey[]): string => {
    let node: unknown = document.contents;
    let offset = 0;
    for (const key of wanted) {
      if (isMap(node)) {
        const pair = node.items.find((p) => isPair(p) && String(p.key) === String(key));
        if (!pair) break;
        if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
        node = pair.value;
      } else if (isCollection(node)) {
        node = node.get(key as never, true);
        if (isNode(node)) offset = node.range?.[0] ?? offset;
      } else break;
    }
    return at(offset);
  };
  return { path, value: (document.toJS() as Record<string, unknown> | null) ?? {}, place };
}
