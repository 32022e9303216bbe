/** Settings from the environment: `BAILIWICK_SECTION_KEY`, and `…_FILE` for secrets. */
import { readFileSync } from "node:fs";
import { ConfigError } from "./errors.ts";
import { keysAt, type Leaf, leaves } from "./leaves.ts";
import { didYouMean } from "./suggest.ts";

/** Variables that are no settings. */
export const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  "BAILIWICK_CONFIG",
  "BAILIWICK_CACHE_DIR",
  "BAILIWICK_NATS_SEARCH_PATH",
  "BAILIWICK_DEBUG",
]);

export interface EnvSetting {
  readonly leaf: Leaf;
  /** Name of the variable that it came from. */
  readonly variable: string;
  readonly value: unknown;
}

/** @throws ConfigError for an unknown variable of a section, a list that is not JSON, a secret that cannot be read. */
export function readEnvironment(env: NodeJS.ProcessEnv): EnvSetting[] {
  const settings: EnvSetting[] = [];
  const problems: string[] = [];
  const known = new Set(OTHER_VARIABLES);
  for (const leaf of leaves) {
    known.add(leaf.env);
    const text = env[leaf.env];
    if (text) {
      try {
        settings.push({ leaf, variable: leaf.env, value: parseText(text, leaf) });
      } catch {
        problems.push(
          `environment ${leaf.env}: a list is written as JSON, or as words with commas between them`,
        );
      }
    }
    if (!leaf.secret) continue;
    const variable = `${leaf.env}_FILE`;
    known.add(variable);
    const file = env[variable];
    if (!file) continue;
    if (text) {
      problems.push(`environment ${variable}: ${leaf.env} is set as well; keep one of them`);
      continue;
    }
    try {
      settings.push({ leaf, variable, value: readFileSync(file, "utf8").trim() });
    } catch (error) {
      problems.push(
        `environment ${variable}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`,
      );
    }
  }
  // A mistyped setting must not be ignored in silence. Variables outside of the sections may belong to somebody else.
  const sections = keysAt([]).filter((key) => keysAt([key]).length > 0);
  for (const variable of Object.keys(env)) {
    if (known.has(variable)) continue;
    const section = sections.find((s) => variable.startsWith(`BAILIWICK_${s.toUpperCase()}_`));
    if (section) problems.push(`environment ${variable}: no such setting${didYouMean(variable, known)}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

function parseText(text: string, leaf: Leaf): unknown {
  const trimmed = text.trim();
  switch (leaf.kind) {
    case "number":
      return trimmed !== "" && Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
    case "boolean":
      if (/^(true|1|yes|on)$/i.test(trimmed)) return true;
      return /^(false|0|no|off)$/i.test(trimmed) ? false : text;
    case "list":
      return trimmed.startsWith("[") ? JSON.parse(trimmed) : trimmed.split(",").map((word) => word.trim());
    case "string":
      return text;
  }
}
