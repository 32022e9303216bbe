/** What a run of the bench found, whether it is enough, and how it is said. */
import type { CasesResult } from "./cases.ts";
import type { MachinesResult } from "./machines.ts";
import type { Difference } from "./twins.ts";

export interface RehydrationReport {
  readonly seed: string;
  readonly machines: MachinesResult;
  /** Absent where the cases were not asked for. */
  readonly scion?: CasesResult;
  /** Sentences; none when all is well. */
  readonly failures: readonly string[];
}

/** Share of the delays that must fire, because one that is cancelled shows less. */
export const LEAST_FIRED = 0.6;
/** Below so many machines the share says little. */
const SHARE_FROM = 100;
/** Cases that must come out as they expect. */
export const LEAST_PASSED = 110;
/** Characters of a difference that a person is shown; `--json` has all. */
const SHOWN = 160;

export function rehydrationReport(
  seed: string,
  machines: MachinesResult,
  scion?: CasesResult,
): RehydrationReport {
  const failures: string[] = [];
  for (const { machine, ...difference } of machines.differences) {
    failures.push(`machine ${machine} of seed ${seed} ${told(difference)}`);
  }
  if (machines.machines >= SHARE_FROM && machines.fired < machines.armed * LEAST_FIRED) {
    failures.push(`${percent(machines.fired, machines.armed)} of the delays fired: too few to say much`);
  }
  for (const { name, what, difference } of scion?.failed ?? []) {
    failures.push(`${name}: ${what}${difference ? `: ${told(difference)}` : ""}`);
  }
  if (scion && scion.passed < LEAST_PASSED)
    failures.push(`${scion.passed} cases passed, and ${LEAST_PASSED} must`);
  return { seed, machines, scion, failures };
}

/** A few lines for people. */
export function renderRehydration({ seed, machines, scion, failures }: RehydrationReport): string {
  const { parallel, shallow, deep, children } = machines.with;
  const rows: [string, string][] = [
    ["seed", seed],
    ["machines", `${machines.machines}, each kept alive and restored after each of ${machines.steps} steps`],
    ["", `with a parallel state ${parallel}, shallow history ${shallow}, deep ${deep}, a child ${children}`],
    ["delays", delays(machines)],
  ];
  if (scion) {
    const { version, passed, cases, moved, leftOut } = scion;
    rows.push(
      [`SCION ${version}`, `${passed} of ${cases} cases passed, ${moved} of them with steps after the start`],
      ["", `${scion.steps} steps; delays: ${delays(scion)}`],
      ["left out", `${leftOut.length}`],
      ...byReason(leftOut).map(([reason, names]): [string, string] => ["", `${reason}: ${names.join(", ")}`]),
    );
  }
  const differences = machines.differences.length + (scion?.failed.length ?? 0);
  rows.push(
    ["differences", String(differences)],
    ...failures.map((what): [string, string] => ["failed", what]),
  );
  const width = Math.max(...rows.map(([title]) => title.length));
  return rows.map(([title, text]) => `${title.padEnd(width)}  ${text}`).join("\n");
}

function told({ step, after, member, kept, restored }: Difference): string {
  const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
  return `at step ${step}, after ${after}: ${member} is ${cut(kept)} when kept alive, ${cut(restored)} when restored`;
}

function delays({ armed, fired }: { armed: number; fired: number }): string {
  return `${armed} armed, ${fired} fired (${percent(fired, armed)})`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "0 %" : `${((100 * part) / whole).toFixed(1)} %`;
}

function byReason(leftOut: CasesResult["leftOut"]): [reason: string, names: string[]][] {
  const reasons = new Map<string, string[]>();
  for (const { name, reason } of leftOut) reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  return [...reasons].sort(([, a], [, b]) => b.length - a.length);
}
