/** Puts the configuration together: flags beat the environment, which beats the file, which beats the defaults. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { inconsistencies } from "./consistency.ts";
import { readEnvironment } from "./environment.ts";
import { ConfigError } from "./errors.ts";
import { type ConfigFile, readConfigFile } from "./file.ts";
import { keysAt, leaves } from "./leaves.ts";
import { type Config, configSchema } from "./schema.ts";
import { didYouMean } from "./suggest.ts";

export interface LoadOptions {
  /** `--config`; without it BAILIWICK_CONFIG, else `bailiwick.yaml` in the working directory when it is there. */
  readonly file?: string;
  /** Settings from flags by dotted path: `{ dataDir: "/var/lib/desk", "gateway.port": 80 }`. Undefined ones are ignored. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Names of flags for messages, by dotted path: `{ "gateway.port": "--port" }`. */
  readonly flagNames?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Where a setting came from, as a person reads it: `flag --port`, `environment BAILIWICK_…`, `bailiwick.yaml:3:5`. */
export type Source = string;

export interface LoadedConfig {
  readonly config: Config;
  readonly file?: string;
  /** By dotted path; a setting that is not in it has its default. */
  readonly sources: ReadonlyMap<string, Source>;
}

type Tree = Record<string, unknown>;

function setAt(tree: Tree, path: readonly string[], value: unknown): void {
  let node = tree;
  for (const key of path.slice(0, -1)) {
    const next = node[key];
    // A section that the file got wrong is left for validation to complain about.
    if (next !== undefined && (typeof next !== "object" || next === null)) return;
    node[key] = { ...(next as Tree | undefined) };
    node = node[key] as Tree;
  }
  node[path.at(-1)!] = value;
}

export function getAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let node = tree;
  for (const key of path) node = (node as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return node;
}

/** Paths of the file count from the file, those of flags and environment from the working directory. */
function absolute(value: unknown, base: string): unknown {
  if (typeof value === "string") return resolve(base, value);
  return Array.isArray(value) ? value.map((v) => absolute(v, base)) : value;
}

function findFile(options: LoadOptions, env: NodeJS.ProcessEnv, cwd: string): ConfigFile | undefined {
  const named = options.file ?? (env.BAILIWICK_CONFIG || undefined);
  if (named) return readConfigFile(resolve(cwd, named));
  const usual = resolve(cwd, "bailiwick.yaml");
  return existsSync(usual) ? readConfigFile(usual) : undefined;
}

/** @throws ConfigError naming every problem with its place, UsageError when the file cannot be read. */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const env = options.env ?? process.env;
  const cwd = options.cwd ?? process.cwd();
  const file = findFile(options, env, cwd);
  const tree: Tree = { ...(file?.value ?? {}) };
  const sources = new Map<string, Source>();
  for (const leaf of leaves) {
    const value = getAt(tree, leaf.path);
    if (value === undefined) continue;
    sources.set(leaf.path.join("."), file!.place(leaf.path));
    if (leaf.isPath) setAt(tree, leaf.path, absolute(value, dirname(file!.path)));
  }
  for (const { leaf, variable, value } of readEnvironment(env)) {
    setAt(tree, leaf.path, leaf.isPath ? absolute(value, cwd) : value);
    sources.set(leaf.path.join("."), `environment ${variable}`);
  }
  for (const [dotted, value] of Object.entries(options.flags ?? {})) {
    if (value === undefined) continue;
    const leaf = leaves.find((l) => l.path.join(".") === dotted);
    setAt(tree, dotted.split("."), leaf?.isPath ? absolute(value, cwd) : value);
    sources.set(dotted, `flag ${options.flagNames?.[dotted] ?? `--${dotted}`}`);
  }

  const place = (path: readonly PropertyKey[]): string => {
    for (let n = path.length; n > 0; n--) {
      const source = sources.get(path.slice(0, n).join("."));
      if (source && !source.startsWith(file?.path ?? "\0")) return source;
    }
    return file?.place(path) ?? "configuration";
  };
  const parsed = configSchema.safeParse(tree);
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => describe(issue, tree, place));
    // In the order of the file's lines.
    throw new ConfigError(problems.sort((a, b) => a.localeCompare(b, "en", { numeric: true })));
  }
  const config = { ...parsed.data, dataDir: resolve(cwd, parsed.data.dataDir) };
  const problems = inconsistencies(config);
  if (problems.length > 0) {
    throw new ConfigError(problems.map(({ path, what }) => `${place(path)}: ${path.join(".")}: ${what}`));
  }
  return { config, file: file?.path, sources };
}

function describe(
  issue: z.core.$ZodIssue,
  tree: Tree,
  place: (path: readonly PropertyKey[]) => string,
): readonly string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return `${place(path)}: unknown key "${path.join(".")}"${didYouMean(key, keysAt(issue.path))}`;
    });
  }
  const value = getAt(tree, issue.path);
  const name = issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  let what: string = issue.message;
  if (issue.code === "invalid_value") {
    what = `must be one of ${issue.values.join(", ")}`;
    if (typeof value === "string")
      what += didYouMean(value, issue.values.map(String)).replace(/; known here.*/, "");
  } else if (issue.code === "invalid_type") {
    const got = value === null ? "nothing" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
    const want = issue.expected === "object" ? "a section with settings under it" : `a ${issue.expected}`;
    what = `must be ${want}, not ${got}`;
  }
  return [`${place(issue.path)}: ${name}${what}`];
}
