/** `bench engine`: durable messages a second and their latency, held to what the engine promises. */
import { loadavg } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { profileNamed, wholeNumber } from "../flags.ts";
import { reported } from "../reported.ts";
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
    .action(async (flags: Flags, command: Command) => {
      const { isHeld, ...options } = profileOf(flags);
      const { BUILT_ENTRY, benchEngine } = await import("./engine.ts");
      const { engineRows } = await import("./rows.ts");
      const { readEngineBudgets } = await import("./budgets.ts");
      const { report } = await import("../report.ts");
      const budgets = isHeld ? readEngineBudgets() : undefined;
      const execArgv = flags.cpuProf ? ["--cpu-prof", `--cpu-prof-dir=${resolve(flags.cpuProf)}`] : [];
      // What else the machine was busy with, in processes that wanted to run.
      const [loadBefore = 0] = loadavg();
      await reported(command, env, async (onStage) => {
        const { natsServer, ...measured } = await benchEngine({
          ...options,
          program: { entry: BUILT_ENTRY, execArgv },
          onStage,
          signal: env.signal(),
        });
        return report(engineRows(measured, budgets), { natsServer }, { loadBefore });
      });
    });
}

function profileOf(flags: Flags): Profile {
  const profile = profileNamed(PROFILES, flags.profile);
  const { known, rounds, seconds } = flags;
  const numbers = known?.split(",").map((text) => wholeNumber("known", text));
  if (numbers?.some((n) => n < 2)) throw new UsageError(`--known ${known}: two conversations at least`);
  return {
    ...profile,
    ...(numbers ? { known: numbers.sort((a, b) => a - b) } : {}),
    ...(rounds ? { rounds: wholeNumber("rounds", rounds) } : {}),
    ...(seconds ? { seconds: wholeNumber("seconds", seconds) } : {}),
  };
}
