/** `bench chaos`: faults against running load, and what came of it. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { wholeNumber } from "../flags.ts";
import { FAULT_KINDS, PROTECTIONS, TRIALS } from "./faults.ts";
import { FORMS, formsOf, formsThatMeet } from "./forms.ts";
import type { RunResult } from "./run.ts";

interface Flags {
  readonly runs: string;
  readonly seed?: string;
  readonly seconds: string;
  readonly conversations: string;
  readonly only?: string;
  readonly form?: string;
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
    .option("--form <forms>", `what the runs are played on: ${FORMS.join(", ")} (all, by the seed)`)
    .option("--break <what>", `do without a protection: ${PROTECTIONS.join(", ")}`)
    .option("--keep", "leave the directory of a run that failed")
    .action(async (flags: Flags) => {
      const { UsageError } = await import("../../runtime/config/errors.ts");
      const runs = wholeNumber("runs", flags.runs);
      const seconds = wholeNumber("seconds", flags.seconds, 6);
      const conversations = wholeNumber("conversations", flags.conversations);
      const usage = (message: string) => new UsageError(message);
      const broken = chosen("--break", flags.break, PROTECTIONS, usage)?.[0];
      const kinds = chosen("--only", flags.only, FAULT_KINDS, usage);
      const forms = chosen("--form", flags.form, FORMS, usage) ?? formsOf(broken);
      const wanted = [...(kinds ?? []), ...(broken ? TRIALS[broken] : [])];
      if (formsThatMeet(wanted, forms).length === 0)
        throw usage(`${forms.join(", ")}: no such run can meet ${[...new Set(wanted)].join(", ")}`);
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
              forms,
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
        const binary = findNatsServer();
        const ofTheServer = await faultsOf(binary);
        let copies: string | undefined;
        if (results.some(({ apart }) => apart)) {
          const { copiesApart } = await import("./server-copies.ts");
          copies = await copiesApart(binary, { seed });
          if (copies) ofTheServer.push(copies);
        }
        const settings = { seed, seconds, conversations, broken };
        const report = chaosReport(settings, results, ofTheServer, copies !== undefined);
        progress.end();
        env.out(report, () => renderChaos(report));
        if (!isWell(report)) env.fail();
      } finally {
        progress.end();
      }
    });
}

/** Words of a list with commas between them. */
function chosen<T extends string>(
  flag: string,
  words: string | undefined,
  known: readonly T[],
  wrong: (message: string) => Error,
): T[] | undefined {
  return words?.split(",").map((word) => {
    const found = known.find((each) => each === word.trim());
    if (!found) throw wrong(`${flag} ${word}: there are ${known.join(", ")}`);
    return found;
  });
}
