/** `simulate`: customers with goals, made from a seed, talk to a fresh desk of the shipped company. */
import type { CliEnv } from "../../runtime/config/cli.ts";
import { personas } from "../../scenarios/simulator/persona.ts";
import { simulate as play, type SimulatedRun } from "../../scenarios/simulator/simulate.ts";
import { openOwnDesk } from "../demo/own-desk.ts";
import { exported } from "../demo/shop.ts";
import { countBy, seconds, table } from "../demo/text.ts";
import { writeRecordings } from "./recordings.ts";

export interface SimulateOptions {
  readonly customers: number;
  readonly seed: number;
  readonly concurrency: number;
  /** Folder that the conversations are written into, as recordings. */
  readonly record?: string;
}

export async function simulate(env: CliEnv, options: SimulateOptions): Promise<void> {
  const progress = env.progress("simulate");
  const desk = await openOwnDesk({ config: env.config(), progress: (text) => progress.update(text) });
  const runs: SimulatedRun[] = [];
  let ms = 0;
  try {
    const queue = personas(await exported(desk.desk.backOffice), options.customers, options.seed);
    const all = queue.length;
    const begun = performance.now();
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next && !env.signal().aborted; next = queue.shift()) {
        runs.push(await play(next, desk));
        progress.update("customers", runs.length, all);
      }
    };
    await Promise.all(Array.from({ length: options.concurrency }, worker));
    ms = performance.now() - begun;
    if (options.record !== undefined) {
      progress.update("writing recordings");
      const whole = runs.filter(({ error }) => error === undefined);
      const named = whole.map(({ name, conversation }) => ({ id: name, conversation }));
      await writeRecordings(options.record, named, desk, "simulated");
    }
  } finally {
    progress.end();
    await desk.stop();
  }
  report(env, options, runs, ms);
}

function report(env: CliEnv, { seed }: SimulateOptions, runs: readonly SimulatedRun[], ms: number): void {
  const turns = runs.reduce((n, run) => n + run.turns, 0);
  const errors = runs.filter(({ error }) => error !== undefined);
  const goals = [...new Set(runs.map(({ goal }) => goal))].sort();
  const byGoal = Object.fromEntries(
    goals.map((goal) => {
      const own = runs.filter((run) => run.goal === goal);
      const handedOff = own.filter(({ handoff }) => handoff !== null).length;
      return [
        goal,
        { customers: own.length, content: own.filter(({ content }) => content).length, handedOff },
      ];
    }),
  );
  if (errors.length > 0) env.fail();
  const result = {
    seed,
    customers: runs.length,
    turns,
    content: runs.filter(({ content }) => content).length,
    outcomes: countBy(runs.map(({ outcome }) => outcome)),
    handedOff: countBy(runs.map(({ handoff }) => handoff)),
    byGoal,
    errors: errors.map(({ name, error }) => ({ name, error })),
    ms: Math.round(ms),
  };
  env.out(result, () => {
    const c = env.colors;
    const rows = Object.entries(byGoal).map(([goal, { customers, content, handedOff }]) =>
      [goal, customers, content, handedOff].map(String),
    );
    return [
      c.bold(`${runs.length} simulated customers of seed ${seed}, ${turns} turns, ${seconds(ms)}`),
      "",
      table([["goal", "customers", "content", "handed off"].map((h) => c.dim(h)), ...rows], [1, 2, 3]),
      ...errors.map(({ name, error }) => c.red(`  ${name}: ${error}`)),
    ].join("\n");
  });
}
