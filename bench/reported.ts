/** How a bench that takes long is run from the command line. */
import type { Command } from "commander";
import type { CliEnv } from "../runtime/config/cli.ts";
import { printed } from "./printed.ts";
import type { BenchReport } from "./report.ts";

/** Says how far it is, prints its report, and fails where a budget was missed; interrupted, it ends with 130. */
export async function reported(
  command: Command,
  env: CliEnv,
  measure: (onStage: (stage: string) => void) => Promise<BenchReport>,
): Promise<void> {
  const progress = env.progress(`bench ${command.name()}:`);
  try {
    const result = await measure((stage) => progress.update(stage));
    progress.end();
    await printed(env, command, result);
  } catch (error) {
    // Whatever was under way ends with an error then.
    if (!env.signal().aborted) throw error;
    env.fail(130);
  } finally {
    progress.end();
  }
}
