/** Whether the desk may be sent customers. */

/** Something that must work before the desk may be sent customers. */
export interface ReadinessCheck {
  readonly name: string;
  /** What is wrong, or undefined. Must end by itself; a check that takes longer than 2 s counts as failed. */
  readonly check: () => Promise<string | undefined> | string | undefined;
}

const READINESS_TIMEOUT_MS = 2_000;

/** What is wrong, a sentence for each check that failed; none where the desk is ready. */
export async function failingChecks(checks: readonly ReadinessCheck[]): Promise<string[]> {
  const results = await Promise.all(
    checks.map(async ({ name, check }) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<string>((resolve) => {
        timer = setTimeout(() => resolve("no answer within 2 s"), READINESS_TIMEOUT_MS);
      });
      try {
        const what = await Promise.race([Promise.resolve().then(check), late]);
        return what === undefined ? undefined : `${name}: ${what}`;
      } catch (error) {
        return `${name}: ${(error as Error).message}`;
      } finally {
        clearTimeout(timer);
      }
    }),
  );
  return results.filter((r) => r !== undefined);
}
