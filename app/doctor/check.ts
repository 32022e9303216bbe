/** What a check of this machine finds. */

/**
 * `ok`; `warn`: the desk runs, with less than it could have; `fail`: it does not run, or not for long.
 * Everything but `ok` has a command (or a sentence) that mends it.
 */
export type Finding =
  | { readonly state: "ok"; readonly what: string }
  | { readonly state: "warn" | "fail"; readonly what: string; readonly mend: string };

export interface Check {
  readonly name: string;
  run(): Promise<Finding> | Finding;
}

export type CheckResult = Finding & { readonly name: string };

export const ok = (what: string): Finding => ({ state: "ok", what });
export const warn = (what: string, mend: string): Finding => ({ state: "warn", what, mend });
export const fail = (what: string, mend: string): Finding => ({ state: "fail", what, mend });

/** Runs the checks one after the other; a check that throws has failed. */
export async function runChecks(checks: readonly Check[]): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    let finding: Finding;
    try {
      finding = await check.run();
    } catch (error) {
      finding = fail(
        `the check itself failed: ${(error as Error).message}`,
        "report this as a bug, with the line above",
      );
    }
    results.push({ name: check.name, ...finding });
  }
  return results;
}
