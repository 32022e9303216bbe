/** `bench chaos`: faults against running load, and what came of it. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { CLUSTER_PROTECTIONS, FAULT_KINDS, type FaultKind, PROTECTIONS, type Protection } from "./faults.ts";
import type { RunResult } from "./run.ts";

interface Flags {
  readonly runs: string;
  readonly seed?: string;
  readonly seconds: string;
  readonly conversations: string;
  readonly only?: string;
  readonly break?: string;
  readonly keep?: boolean;
}

export function addChaos(bench: Command, env: CliEnv): void {
  bench
    .command("chaos")
    .description("faults against running load, then a check of what became of every message")
    .option("--runs <n>", "runs, one after the other", "1")
    .option("--seed <seed>", "what the faults and the load follow from (a new one each time)")
    .option("--seconds <n>", "length of the load of a run", "60")
    .option("--conversations <n>", "customers at once", "200")
    .option("--only <kinds>", "kinds of faults, with commas between them (all but full-server-disk)")
    .option(
      "--break <what>",
      `do without a protection: ${[...PROTECTIONS, ...CLUSTER_PROTECTIONS].join(", ")}`,
    )
    .option("--keep", "leave the directory of a run that failed")
    .action(async (flags: Flags) => {
      const { UsageError } = await import("../../runtime/config/errors.ts");
      const whole = (flag: "runs" | "seconds" | "conversations", least: number): number => {
        const n = Number(flags[flag]);
        if (!Number.isInteger(n) || n < least)
          throw new UsageError(`--${flag} ${flags[flag]}: a whole number from ${least} on`);
        return n;
      };
      const runs = whole("runs", 1);
      const seconds = whole("seconds", 6);
      const conversations = whole("conversations", 1);
      const broken = protection(flags.break, (message) => new UsageError(message));
      const kinds = flags.only?.split(",").map((kind) => {
        const found: FaultKind | undefined = FAULT_KINDS.find((each) => each === kind.trim());
        if (!found) throw new UsageError(`--only ${kind}: there are ${FAULT_KINDS.join(", ")}`);
        return found;
      });
      const { randomInt } = await import("node:crypto");
      const { fileURLToPath } = await import("node:url");
      const { runChaos } = await import("./run.ts");
      const { chaosReport, isWell, renderChaos } = await import("./report.ts");
      const seed = flags.seed ?? String(randomInt(1e9));
      const entry = fileURLToPath(new URL("./node-process.js", import.meta.url));
      const progress = env.progress(`bench chaos, seed ${seed}:`);
      const signal = env.signal();
      try {
        const results: RunResult[] = [];
        for (let run = 0; run < runs; run++) {
          const onProgress = (text: string): void => progress.update(`run ${run + 1} of ${runs}: ${text}`);
          const { keep } = flags;
          results.push(
            await runChaos({
              seed,
              run,
              seconds,
              conversations,
              broken,
              kinds,
              entry,
              keep,
              onProgress,
              signal,
            }),
          );
        }
        progress.update("what is the server's own");
        const { faultsOf } = await import("./server-faults.ts");
        const { findNatsServer } = await import("../../runtime/config/nats-server.ts");
        const ofTheServer = await faultsOf(findNatsServer());
        const report = chaosReport({ seed, seconds, conversations, broken }, results, ofTheServer);
        progress.end();
        env.out(report, () => renderChaos(report));
        if (!isWell(report)) env.fail();
      } finally {
        progress.end();
      }
    });
}

function protection(what: string | undefined, wrong: (message: string) => Error): Protection | undefined {
  if (what === undefined) return undefined;
  const found = PROTECTIONS.find((each) => each === what);
  if (found) return found;
  const ofCluster = (CLUSTER_PROTECTIONS as readonly string[]).includes(what);
  throw wrong(
    ofCluster
      ? `--break ${what}: needs several nodes, and a run has one so far`
      : `--break ${what}: there are ${PROTECTIONS.join(", ")}`,
  );
}
