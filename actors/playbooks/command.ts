/** What `playbooks …` does. */
import { existsSync } from "node:fs";
import { relative } from "node:path";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { Inventory } from "../skills/inventory.ts";
import { CaseFileError, type CaseResult, runCases } from "./cases.ts";
import { machineJson, mermaid } from "./graph.ts";
import { type Diagnostic, formatDiagnostic, PlaybookError } from "./language/diagnostics.ts";
import {
  caseFiles,
  checkPlaybooks,
  loadPlaybooks,
  type PlaybookSet,
  playbookDirs,
  playbookFiles,
} from "./registry.ts";

/** The paths given, or those that the configuration names. */
function pathsOf(paths: readonly string[], env: CliEnv): string[] {
  const all = paths.length ? [...paths] : playbookDirs(env.config().playbooks);
  for (const path of all)
    if (!existsSync(path))
      throw new UsageError(`${path} is not there: give files or folders of playbooks (YAML)`);
  return all;
}

const shown = (file: string): string => {
  const short = relative(process.cwd(), file);
  return short.startsWith("..") ? file : short;
};

export function lint(paths: string[], env: CliEnv): void {
  const all = pathsOf(paths, env);
  const files = playbookFiles(all);
  if (files.length === 0) throw new UsageError(`no playbook (*.yaml) in ${all.join(", ")}`);
  const diagnostics = checkPlaybooks(all, new Inventory()).diagnostics.map((d) => ({
    ...d,
    file: shown(d.file),
  }));
  env.out({ files: files.length, diagnostics }, () =>
    diagnostics.length === 0
      ? env.colors.green(`${files.length} ${files.length === 1 ? "playbook is" : "playbooks are"} sound`)
      : [...diagnostics.map((d) => coloured(d, env)), summary(diagnostics)].join("\n"),
  );
  if (diagnostics.length) env.fail();
}

function coloured(d: Diagnostic, env: CliEnv): string {
  return `${env.colors.bold(`${d.file}:${d.line}:${d.col}`)} ${env.colors.red(d.code)} ${d.message}`;
}
function summary(diagnostics: readonly Diagnostic[]): string {
  const files = new Set(diagnostics.map((d) => d.file)).size;
  return `${diagnostics.length} ${diagnostics.length === 1 ? "problem" : "problems"} in ${files} ${files === 1 ? "file" : "files"}`;
}

function load(paths: readonly string[], env: CliEnv): PlaybookSet {
  try {
    return loadPlaybooks(pathsOf(paths, env), new Inventory());
  } catch (error) {
    if (!(error instanceof PlaybookError)) throw error;
    const text = error.diagnostics.map((d) => formatDiagnostic({ ...d, file: shown(d.file) })).join("\n");
    throw new UsageError(`these playbooks are not sound; mend them first:\n${text}`);
  }
}

export function list(paths: string[], env: CliEnv): void {
  const set = load(paths, env);
  const rows = set.all.map((p) => ({
    name: p.name,
    version: p.version,
    title: p.def.title,
    intents: p.intents,
    examples: Object.values(p.def.intents).reduce((n, i) => n + i.examples.length, 0),
    steps: p.flow.nodes.size,
    verify: p.def.verify,
    file: shown(p.file),
    digest: p.digest,
  }));
  const width = Math.max(...rows.map((r) => r.name.length));
  env.out({ digest: set.digest, playbooks: rows }, () =>
    rows
      .map(
        (r) =>
          `${env.colors.bold(r.name.padEnd(width))}  v${r.version}  ${String(r.steps).padStart(3)} steps  ${r.title} ${env.colors.dim(`(${r.intents.join(", ")}; ${r.file})`)}`,
      )
      .join("\n"),
  );
}

export function graph(paths: string[], env: CliEnv): void {
  // A word that is no path is the name of a playbook.
  const names = paths.filter((p) => !existsSync(p));
  const set = load(
    paths.filter((p) => existsSync(p)),
    env,
  );
  for (const name of names)
    if (!set.get(name))
      throw new UsageError(
        `there is no playbook or file "${name}"; there are ${set.all.map((p) => p.name).join(", ")}`,
      );
  const wanted = names.length ? names.map((n) => set.get(n)!) : set.all;
  env.out(wanted.map(machineJson), () =>
    wanted.map((p) => `%% ${p.src}: ${p.def.title}\n${mermaid(p)}`).join("\n\n"),
  );
}

export async function test(paths: string[], env: CliEnv): Promise<void> {
  const all = pathsOf(paths, env);
  const set = load(all, env);
  const files = caseFiles(all);
  if (files.length === 0) throw new UsageError(`no cases (*.cases.yaml) in ${all.map(shown).join(", ")}`);
  const results: CaseResult[] = [];
  try {
    for (const file of files) results.push(...(await runCases(file, set.get)));
  } catch (error) {
    if (error instanceof CaseFileError) throw new UsageError(error.message);
    throw error;
  }
  const failed = results.filter((r) => !r.passed);
  env.out({ passed: results.length - failed.length, failed: failed.length, cases: results }, () =>
    [
      ...results.map((r) =>
        r.passed
          ? `${env.colors.green("passed")} ${r.playbook}: ${r.name}`
          : `${env.colors.red("failed")} ${r.playbook}: ${r.name}\n${r.missed.map((m) => `  ${m}`).join("\n")}\n${r.said.map((s) => env.colors.dim(`  desk: ${s.replace(/\n/g, "\n        ")}`)).join("\n")}`,
      ),
      `${results.length - failed.length} passed, ${failed.length} failed`,
    ].join("\n"),
  );
  if (failed.length) env.fail();
}
