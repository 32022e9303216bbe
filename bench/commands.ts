/** `bench`: latency and throughput of the desk's parts on this machine, and what the engine promises. */
import type { Command } from "commander";
import type { CliEnv, Contributor } from "../runtime/config/cli.ts";
import { addChaos } from "./chaos/commands.ts";
import { addRehydration } from "./rehydration/commands.ts";
import type { BenchResult } from "./report.ts";

interface Profile {
  readonly turns: number;
  readonly rounds: number;
}

const PROFILES: Readonly<Record<string, Profile>> = {
  quick: { turns: 1_000, rounds: 2 },
  full: { turns: 5_000, rounds: 5 },
};

export const commands: Contributor = (program: Command, env: CliEnv) => {
  const bench = program.command("bench").description("latency and throughput on this machine");
  bench
    .command("engine")
    .description("durable turns without anything that thinks")
    .option("--profile <name>", "quick or full", "quick")
    .action(async (options: { profile: string }) => {
      const { UsageError } = await import("../runtime/config/errors.ts");
      const profile = Object.hasOwn(PROFILES, options.profile) ? PROFILES[options.profile] : undefined;
      if (!profile) throw new UsageError(`--profile ${options.profile}: there are quick and full`);
      const { renderReport, report } = await import("./report.ts");
      const result = report(await engine(profile, env));
      env.out(result, () => renderReport(result));
      if (result.missed.length > 0) env.fail();
    });
  addRehydration(bench, env);
  addChaos(bench, env);
};

async function engine(profile: Profile, env: CliEnv): Promise<BenchResult[]> {
  const { benchEngine } = await import("./engine/engine.ts");
  const { Latencies } = await import("./harness/index.ts");
  const progress = env.progress("bench engine:");
  try {
    const arms = await benchEngine({
      inFlight: [1, 32],
      ...profile,
      onRound: (round, inFlight) =>
        progress.update(
          `${inFlight} in flight, ${round === 0 ? "warming up" : `round ${round} of ${profile.rounds}`}`,
        ),
    });
    return Object.entries(arms).flatMap(([inFlight, rounds]) => {
      const latencies = new Latencies();
      for (const round of rounds) latencies.add(round.latencies);
      const failed = rounds.reduce((sum, r) => sum + r.failed, 0);
      if (failed > 0) throw new Error(`bench engine: ${failed} turns had no reply`);
      const done = rounds.reduce((sum, r) => sum + r.done, 0);
      const seconds = rounds.reduce((sum, r) => sum + r.seconds, 0);
      const { p50, p95, p99 } = latencies.percentiles()!;
      const cpuMs = rounds.reduce((sum, r) => sum + r.cpuMs, 0);
      return [
        {
          name: `engine.turn.${inFlight}-in-flight`,
          unit: "turns/s",
          value: Math.round(done / seconds),
          p50,
          p95,
          p99,
        },
        { name: `engine.cpu.${inFlight}-in-flight`, unit: "ms/turn", value: round(cpuMs / done) },
      ];
    });
  } finally {
    progress.end();
  }
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
