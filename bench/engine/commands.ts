/** `bench engine`: durable messages a second and their latency, held to what the engine promises. */
import { loadavg } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import type { EngineBenchOptions } from "./engine.ts";

interface Flags {
  readonly profile: string;
  readonly known?: string;
  readonly rounds?: string;
  readonly seconds?: string;
  readonly cpuProf?: string;
}

type Profile = Omit<EngineBenchOptions, "program" | "onStage" | "signal"> & { readonly isHeld: boolean };

const PROFILES: Readonly<Record<string, Profile>> = {
  /** Whether everything runs, and a first look; too short to be held to anything. */
  quick: {
    known: [1_000],
    active: 500,
    rounds: 1,
    seconds: 1,
    window: 256,
    activations: 100,
    actors: 300,
    events: 20_000,
    restarts: 1,
    isHeld: false,
  },
  full: {
    known: [1_000, 100_000, 1_000_000],
    active: 1_000,
    rounds: 5,
    seconds: 6,
    window: 512,
    activations: 1_000,
    actors: 5_000,
    events: 200_000,
    restarts: 5,
    isHeld: true,
  },
};

export function addEngine(bench: Command, env: CliEnv): void {
  bench
    .command("engine")
    .description("durable messages without anything that thinks, held to bench/engine/budgets.yaml")
    .option(
      "--profile <name>",
      "full (about 20 minutes, held to its budgets) or quick (half a minute)",
      "full",
    )
    .option("--known <n,n>", "numbers of known conversations (1000,100000,1000000; quick: 1000)")
    .option("--rounds <n>", "rounds of each arm (5; quick: 1)")
    .option("--seconds <n>", "length of a round (6; quick: 1)")
    .option("--cpu-prof <dir>", "writes profiles of the nodes' processes there, for Chrome's developer tools")
    .action(async (flags: Flags) => {
      const { isHeld, ...options } = await profileOf(flags);
      const { BUILT_ENTRY, benchEngine } = await import("./engine.ts");
      const { engineRows } = await import("./rows.ts");
      const { readEngineBudgets } = await import("./budgets.ts");
      const { renderReport, report } = await import("../report.ts");
      const budgets = isHeld ? readEngineBudgets() : undefined;
      const execArgv = flags.cpuProf ? ["--cpu-prof", `--cpu-prof-dir=${resolve(flags.cpuProf)}`] : [];
      // What else the machine was busy with, in processes that wanted to run.
      const [loadBefore = 0] = loadavg();
      const progress = env.progress("bench engine:");
      try {
        const { natsServer, ...measured } = await benchEngine({
          ...options,
          program: { entry: BUILT_ENTRY, execArgv },
          onStage: (text) => progress.update(text),
          signal: env.signal(),
        });
        progress.end();
        const result = report(engineRows(measured, budgets), { natsServer }, { loadBefore });
        env.out(result, () => renderReport(result));
        if (result.missed.length > 0) env.fail();
      } catch (error) {
        // Whatever was under way ends with an error then.
        if (!env.signal().aborted) throw error;
        env.fail(130);
      } finally {
        progress.end();
      }
    });
}

async function profileOf(flags: Flags): Promise<Profile> {
  const { UsageError } = await import("../../runtime/config/errors.ts");
  const profile = Object.hasOwn(PROFILES, flags.profile) ? PROFILES[flags.profile] : undefined;
  if (!profile) throw new UsageError(`--profile ${flags.profile}: there are quick and full`);
  const whole = (name: string, text: string): number => {
    const n = Number(text);
    if (!Number.isInteger(n) || n < 1) throw new UsageError(`--${name} ${text}: a whole number from 1 on`);
    return n;
  };
  const { known, rounds, seconds } = flags;
  const numbers = known?.split(",").map((text) => whole("known", text));
  if (numbers?.some((n) => n < 2)) throw new UsageError(`--known ${known}: two conversations at least`);
  return {
    ...profile,
    ...(numbers ? { known: numbers.sort((a, b) => a - b) } : {}),
    ...(rounds ? { rounds: whole("rounds", rounds) } : {}),
    ...(seconds ? { seconds: whole("seconds", seconds) } : {}),
  };
}
