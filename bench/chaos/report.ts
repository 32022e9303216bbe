/** What the runs found, all together, and how it is said. */
import { FAILINGS, type Verdict } from "./checker.ts";
import { FAULT_KINDS, type FaultKind, type Protection } from "./faults.ts";
import { FORMS, type Form } from "./forms.ts";
import type { RunResult } from "./run.ts";

export type ChaosCounts = { readonly [failing in keyof Verdict]: number };

export interface ChaosReport extends ChaosCounts {
  readonly seed: string;
  readonly seconds: number;
  readonly conversations: number;
  /** The protection that the runs did without. */
  readonly broken?: Protection;
  /** Runs in which something went wrong: all of them should, without a protection. */
  readonly failedRuns: number;
  /** How many runs were played on what. */
  readonly forms: Readonly<Partial<Record<Form, number>>>;
  /** How often each kind of fault was met. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** How a kind of fault was done, where that depends on the machine. */
  readonly ways: Readonly<Partial<Record<FaultKind, readonly string[]>>>;
  /** What is the server's own fault: it was made again without our code, and is not counted above. */
  readonly ofTheServer: readonly string[];
  /** Runs that failed over copies that had come apart at the servers, where that was made again without our code. */
  readonly setApart: readonly number[];
  readonly messages: number;
  readonly records: number;
  readonly runs: readonly RunResult[];
}

export interface ChaosSettings {
  readonly seed: string;
  readonly seconds: number;
  readonly conversations: number;
  readonly broken?: Protection;
}

/** Share of the runs without a protection in which that has to be noticed. */
export const LEAST_CAUGHT = 0.9;
/** Ways worth telling: those that depend on what a machine permits. */
const TOLD: readonly FaultKind[] = ["full-stream", "full-disk", "full-server-disk"];
/** Sentences of a run that a person is shown; `--json` has all. */
const SHOWN = 5;

export function chaosReport(
  settings: ChaosSettings,
  all: readonly RunResult[],
  ofTheServer: readonly string[] = [],
  copiesComeApart = false,
): ChaosReport {
  const isSetApart = ({ apart }: RunResult): boolean => copiesComeApart && apart !== undefined;
  const runs = all.filter((run) => !isSetApart(run));
  const faults: Partial<Record<FaultKind, number>> = {};
  const ways: Partial<Record<FaultKind, string[]>> = {};
  for (const { kind, how, undone } of all.flatMap((run) => run.faults)) {
    if (undone) continue;
    faults[kind] = (faults[kind] ?? 0) + 1;
    if (!how || !TOLD.includes(kind)) continue;
    const known = ways[kind] ?? [];
    if (!known.includes(how)) ways[kind] = [...known, how];
  }
  const counts = Object.fromEntries(
    FAILINGS.map((failing) => [failing, runs.reduce((sum, { verdict }) => sum + verdict[failing].length, 0)]),
  ) as ChaosCounts;
  return {
    ...settings,
    ...counts,
    forms: Object.fromEntries(
      FORMS.map((form) => [form, all.filter((run) => run.form === form).length] as const).filter(
        ([, n]) => n,
      ),
    ),
    failedRuns: runs.filter(({ failures }) => failures > 0).length,
    faults,
    ways,
    ofTheServer,
    setApart: all.filter(isSetApart).map(({ run }) => run),
    messages: runs.reduce((sum, run) => sum + run.accepted, 0),
    records: runs.reduce((sum, run) => sum + run.records, 0),
    runs: all,
  };
}

/** Whether the command succeeds: nothing went wrong, or what was broken was noticed. */
export function isWell({ broken, failedRuns, setApart, runs }: ChaosReport): boolean {
  const judged = runs.length - setApart.length;
  return judged > 0 && (broken ? failedRuns >= judged * LEAST_CAUGHT : failedRuns === 0);
}

export function renderChaos(report: ChaosReport): string {
  const { seed, seconds, conversations, broken, runs, faults, failedRuns } = report;
  const forms = Object.entries(report.forms).map(([form, n]) => `${n} ${form}`);
  const length = `${runs.length} of ${seconds} s, ${conversations} conversations (${forms.join(", ")})`;
  const rows: [string, string][] = [
    ["seed", seed],
    ["runs", length],
    ["accepted", `${report.messages} messages, ${report.records} records in the log`],
  ];
  if (broken) rows.push(["without", `${broken}: noticed in ${failedRuns} of ${runs.length} runs`]);
  for (const failing of FAILINGS) rows.push([named(failing), String(report[failing])]);
  rows.push(["", ""], ["faults", ""]);
  for (const kind of FAULT_KINDS) {
    const how = report.ways[kind]?.join(", ");
    if (faults[kind]) rows.push([`  ${kind}`, `${faults[kind]}${how ? `  (${how})` : ""}`]);
  }
  for (const found of report.ofTheServer) rows.push(["of the server", found]);
  if (report.setApart.length > 0)
    rows.push(["set apart", `runs ${report.setApart.join(", ")}: over copies that had come apart`]);
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`.trimEnd());
  for (const { run, form, verdict, failures, faults: met, apart = [], behind = [], kept } of runs) {
    if (failures === 0) continue;
    lines.push(
      "",
      `run ${run} (${form}): ${met.map(({ kind, at }) => `${kind} at ${(at / 1_000).toFixed(1)}`).join(", ")}`,
    );
    for (const { kind, undone } of met) if (undone) lines.push(`  ${kind} was not done: ${undone}`);
    for (const failing of FAILINGS) {
      const all = verdict[failing];
      for (const sentence of all.slice(0, SHOWN)) lines.push(`  ${named(failing)}: ${sentence}`);
      if (all.length > SHOWN) lines.push(`  ${named(failing)}: and ${all.length - SHOWN} more`);
    }
    for (const sentence of [...apart, ...behind]) lines.push(`  ${sentence}`);
    if (kept) lines.push(`  kept in ${kept}`);
  }
  return lines.join("\n");
}

function named(failing: keyof Verdict): string {
  return failing.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
