/** All playbooks of a desk: read, linted, compiled, found by intent. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../runtime/config/errors.ts";
import { asset } from "../../runtime/config/paths.ts";
import type { AnyStateMachine } from "../../runtime/host/machine.ts";
import { type Compiled, compilePlaybook } from "./compiler/compile.ts";
import { lintPlaybook } from "./compiler/lint.ts";
import { type Diagnostic, PlaybookError } from "./language/diagnostics.ts";
import { type PlaybookSource, readPlaybook } from "./language/read.ts";
import type { SkillCatalog } from "./protocol.ts";

export interface Playbook extends Compiled {
  /** Key of the machine: `<name>@<version>`. */
  readonly src: string;
  /** What it does, to be read by a customer: `cancel an order`. */
  readonly label: string;
  readonly file: string;
  /** SHA-256 of the file's text. */
  readonly digest: string;
  readonly intents: readonly string[];
}

export interface PlaybookSet {
  /** The newest version of a playbook. */
  get(name: string): Playbook | undefined;
  /** The newest version of each, by name. */
  readonly all: readonly Playbook[];
  /** The playbook that serves an intent. */
  forIntent(intent: string): Playbook | undefined;
  /** A version of a playbook, as long as its file is there. */
  version(name: string, version: number): Playbook | undefined;
  /** The newest version of each by name, where it is not the first. */
  readonly versions: Readonly<Record<string, number>>;
  /** Intent → playbook. */
  readonly byIntent: Readonly<Record<string, Playbook>>;
  /** All versions: `<name>@<version>` → machine. */
  readonly machines: Readonly<Record<string, AnyStateMachine>>;
  /** What leads to which intent, for the classifier. */
  readonly examples: readonly { readonly intent: string; readonly text: string }[];
  /** SHA-256 over all files. */
  readonly digest: string;
}

/** YAML files of directories (with their sub-directories) and single files, sorted. Cases of tests are left out. */
export function playbookFiles(paths: readonly string[]): string[] {
  return yamlFiles(paths).filter((file) => !isCases(file));
}

/** Cases (`*.cases.yaml`) in directories, given themselves, or beside playbooks that are given. */
export function caseFiles(paths: readonly string[]): string[] {
  const beside = paths
    .filter((p) => !isCases(p) && statSync(p).isFile())
    .map((p) => p.replace(/\.ya?ml$/, ".cases.yaml"))
    .filter((p) => existsSync(p));
  return [...new Set([...yamlFiles(paths).filter(isCases), ...beside])];
}

const isCases = (file: string): boolean => /\.cases\.ya?ml$/.test(file);

function yamlFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!existsSync(path)) {
      throw new UsageError(
        `there are no playbooks at ${path}: correct the path (playbooks.dirs in bailiwick.yaml)`,
      );
    }
    if (!statSync(path).isDirectory()) return [path];
    const inner = readdirSync(path, { withFileTypes: true })
      .filter((e) => e.isDirectory() || /\.ya?ml$/.test(e.name))
      .map((e) => join(path, e.name))
      .sort();
    return yamlFiles(inner);
  });
}

/** The playbooks that the project ships. */
export const SHOP_PLAYBOOKS = asset("actors/playbooks/shop");

/** Folders of the playbooks that a configuration names. */
export function playbookDirs({ shipped, dirs }: { shipped: boolean; dirs: readonly string[] }): string[] {
  return [...(shipped ? [SHOP_PLAYBOOKS] : []), ...dirs];
}

/**
 * Reads and lints; answers what is sound, and everything that is wrong with the rest and between them. A playbook of a
 * later path replaces those of the same name of earlier paths.
 */
export function checkPlaybooks(
  paths: readonly string[],
  skills: SkillCatalog,
): { sources: PlaybookSource[]; diagnostics: Diagnostic[] } {
  let sources: PlaybookSource[] = [];
  const diagnostics: Diagnostic[] = [];
  const seen = new Set<string>();
  for (const path of paths) {
    const here: PlaybookSource[] = [];
    for (const file of playbookFiles([path])) {
      if (seen.has(file)) continue;
      seen.add(file);
      try {
        here.push(readPlaybook(readFileSync(file, "utf8"), file));
      } catch (error) {
        if (!(error instanceof PlaybookError)) throw error;
        diagnostics.push(...error.diagnostics);
      }
    }
    const names = new Set(here.map((s) => s.def.playbook));
    sources = [...sources.filter((s) => !names.has(s.def.playbook)), ...here];
  }
  diagnostics.push(...sources.flatMap((s) => lintPlaybook(s, skills)), ...betweenPlaybooks(sources));
  return { sources, diagnostics };
}

/** Names, versions and intents that are claimed twice. */
function betweenPlaybooks(sources: readonly PlaybookSource[]): Diagnostic[] {
  const found: Diagnostic[] = [];
  const versions = new Map<string, string>();
  const owners = new Map<string, PlaybookSource>();
  for (const source of sources) {
    const key = `${source.def.playbook}@${source.def.version}`;
    const other = versions.get(key);
    if (other) found.push(source.at(["playbook"], "duplicate-playbook", `${key} is also in ${other}`));
    versions.set(key, source.file);
    for (const intent of Object.keys(source.def.intents)) {
      const owner = owners.get(intent);
      if (owner && owner.def.playbook !== source.def.playbook)
        found.push(
          source.at(
            ["intents", intent],
            "intent-claimed-twice",
            `the intent "${intent}" already leads to ${owner.def.playbook} (${owner.file})`,
          ),
        );
      else owners.set(intent, source);
    }
  }
  return found;
}

/**
 * Loads playbooks from directories and files; later ones replace earlier ones of the same name.
 * @throws PlaybookError with everything that is wrong with any of them
 */
export function loadPlaybooks(paths: readonly string[], skills: SkillCatalog): PlaybookSet {
  const { sources, diagnostics } = checkPlaybooks(paths, skills);
  if (diagnostics.length) throw new PlaybookError(diagnostics);
  const every = sources.map((source): Playbook => {
    const compiled = compilePlaybook(source);
    return {
      ...compiled,
      src: `${compiled.name}@${compiled.version}`,
      label: compiled.def.title.charAt(0).toLowerCase() + compiled.def.title.slice(1),
      file: source.file,
      digest: createHash("sha256").update(source.text).digest("hex"),
      intents: Object.keys(compiled.def.intents),
    };
  });
  const newest = new Map<string, Playbook>();
  for (const p of every) {
    const known = newest.get(p.name);
    if (!known || known.version < p.version) newest.set(p.name, p);
  }
  const bySrc = new Map(every.map((p) => [p.src, p]));
  const all = [...newest.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const byIntent = Object.fromEntries(all.flatMap((p) => p.intents.map((i) => [i, p])));
  return {
    get: (name) => newest.get(name),
    all,
    forIntent: (intent) => (Object.hasOwn(byIntent, intent) ? byIntent[intent] : undefined),
    version: (name, version) => bySrc.get(`${name}@${version}`),
    versions: Object.fromEntries(all.filter((p) => p.version > 1).map((p) => [p.name, p.version])),
    byIntent,
    machines: Object.fromEntries(every.map((p) => [p.src, p.machine])),
    examples: all.flatMap((p) =>
      Object.entries(p.def.intents).flatMap(([intent, { examples }]) =>
        examples.map((text) => ({ intent, text })),
      ),
    ),
    digest: createHash("sha256")
      .update(
        every
          .map((p) => `${p.src} ${p.digest}`)
          .sort()
          .join("\n"),
      )
      .digest("hex"),
  };
}
