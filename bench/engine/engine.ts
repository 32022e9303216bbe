/**
 * Measures the engine alone, over real servers and a real LevelDB, without anything that thinks: node, server and load are
 * processes of their own, and the arms take turns (`interleaved`), so that a machine whose speed drifts drifts for all.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asset } from "../../runtime/config/paths.ts";
import { interleaved, type Percentiles } from "../harness/index.ts";
import { ACTIVATION_RECORDS, Arm, type ArmOptions, newNode, type Program, type Throughput } from "./arm.ts";
import type { FoldSpeed } from "./fold.ts";
import { restartChild, restartProcess } from "./restarts.ts";
import { type EngineMeasured, type KnownMeasured, medianOf } from "./rows.ts";

export interface EngineBenchOptions {
  /** Numbers of known conversations, one arm each, ascending. */
  readonly known: readonly number[];
  /** Of them, those that messages go to. */
  readonly active: number;
  /** Rounds that count; one before them warms up. */
  readonly rounds: number;
  /** Length of one round of one arm. */
  readonly seconds: number;
  /** Messages under way at once where the maximum is measured. */
  readonly window: number;
  /** Conversations that are brought into memory, from LevelDB and from the log each. */
  readonly activations: number;
  /** Actors that memory is measured with, in both ways. */
  readonly actors: number;
  /** Events that are folded without I/O. */
  readonly events: number;
  /** Processes, actors and children that are made to end. */
  readonly restarts: number;
  /** What the processes run. Default: what set-up built, in dist/. */
  readonly program?: Program;
  readonly onStage?: (text: string) => void;
  /** Ends the processes and so the measuring; what lies on disk goes all the same. */
  readonly signal?: AbortSignal;
}

export const BUILT_ENTRY = asset("dist", "bench", "engine", "process.js");

export async function benchEngine(
  options: EngineBenchOptions,
): Promise<EngineMeasured & { readonly natsServer: string }> {
  const { program = { entry: BUILT_ENTRY }, onStage = () => {} } = options;
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
  const arms: Arm[] = [];
  const start = async (name: string, arm: ArmOptions): Promise<Arm> => {
    options.signal?.throwIfAborted();
    const started = await Arm.start(join(dir, name), arm, program);
    arms.push(started);
    options.signal?.throwIfAborted();
    return started;
  };
  const kill = (): void => void Promise.all(arms.map((arm) => arm.kill()));
  options.signal?.addEventListener("abort", kill);
  try {
    const { active } = options;
    const known: { arm: Arm; fillSeconds: number }[] = [];
    for (const n of options.known) {
      const arm = await start(`known-${n}`, { what: "node", known: n, active });
      onStage(`making ${n} conversations known`);
      known.push({ arm, fillSeconds: (await arm.fill(0, n)).all });
    }
    const first = known[0]!.arm;
    const { known: fewest } = first.options;
    const bare = await start("bare", { what: "bare", known: fewest, active });
    const unsealed = await start("unsealed", { what: "node", known: fewest, active, sealing: false });
    await unsealed.fill(0, fewest);

    const { seconds, window, rounds } = options;
    const rates = await interleaved<Throughput>(
      {
        ...Object.fromEntries(
          known.map(({ arm }) => [nameOf(arm), () => arm.saturate(seconds, window)] as const),
        ),
        bare: () => bare.saturate(seconds, window),
        unsealed: () => unsealed.saturate(seconds, window),
        turns: () => first.saturate(seconds, window, "turns"),
      },
      rounds,
      (round, arm) => onStage(`maximum, ${arm}, ${roundOf(round, rounds)}`),
    );
    const half = (arm: Arm): number => Math.floor(medianOf(rates[nameOf(arm)]!, (r) => r.rate) / 2);
    const latencies = await interleaved<Percentiles>(
      Object.fromEntries(
        known.map(({ arm }) => [nameOf(arm), () => arm.arrivals(seconds, half(arm))] as const),
      ),
      rounds,
      (round, arm) => onStage(`half of the maximum, ${arm}, ${roundOf(round, rounds)}`),
    );
    // Held against each other at one rate; the slowest has to be able to bear it.
    const common = Math.min(...known.map(({ arm }) => half(arm)));
    const flat = await interleaved<Percentiles>(
      known.length === 1
        ? {}
        : Object.fromEntries(
            known.map(({ arm }) => [nameOf(arm), () => arm.arrivals(seconds, common)] as const),
          ),
      rounds,
      (round, arm) => onStage(`the same load, ${arm}, ${roundOf(round, rounds)}`),
    );
    onStage("one after the other");
    const alone = await first.alone(seconds);
    const aloneTurns = await first.alone(seconds, "turns");

    const measured: KnownMeasured[] = [];
    for (const { arm, fillSeconds } of known) {
      onStage(`starting again with ${arm.options.known} known`);
      measured.push({
        known: arm.options.known,
        rates: rates[nameOf(arm)]!,
        half: half(arm),
        latencies: latencies[nameOf(arm)]!,
        sameLoad: flat[nameOf(arm)] ?? [],
        fillSeconds,
        startMs: await arm.restart(),
      });
    }
    onStage("memory of actors");
    const { active: activeBytes, levelDb } = await memoryAndActivation(known.at(-1)!.arm, options);
    onStage("activation from the log");
    const log = await activationFromLog(first, options);
    onStage("folding");
    const { raw, fold } = await alongside(program, options);
    onStage("ends and restarts");
    const restarts = await endAndRestart(first, program.entry, options.restarts);
    return {
      natsServer: first.server.version,
      known: measured,
      bare: rates.bare!,
      unsealed: rates.unsealed!,
      turns: rates.turns!,
      alone,
      aloneTurns,
      activation: { levelDb, log, records: ACTIVATION_RECORDS },
      memory: { active: activeBytes, raw },
      fold,
      restarts,
    };
  } finally {
    options.signal?.removeEventListener("abort", kill);
    await Promise.allSettled(arms.map((arm) => arm.stop()));
    await rm(dir, { recursive: true, force: true });
  }
}

function nameOf(arm: Arm): string {
  return `${arm.options.known} known`;
}

function roundOf(round: number, rounds: number): string {
  return round === 0 ? "warming up" : `round ${round} of ${rounds}`;
}

/** Of a node that has just started: each conversation is read from LevelDB, its key from the bucket. */
async function memoryAndActivation(
  arm: Arm,
  { activations, actors }: EngineBenchOptions,
): Promise<{ active: number; levelDb: Percentiles }> {
  const { known } = arm.options;
  const share = Math.max(1, Math.floor(known / (activations + actors)));
  const numbers = Array.from({ length: Math.min(known, activations + actors) }, (_, i) => i * share);
  // Where few are known, both have to do with half of them.
  const first = Math.min(activations, numbers.length >> 1);
  const levelDb = await arm.activate(numbers.slice(0, first));
  const before = await arm.memory();
  const more = numbers.slice(first);
  await arm.activate(more);
  return { levelDb, active: ((await arm.memory()) - before) / more.length };
}

/** There are no snapshots any more. */
async function activationFromLog(arm: Arm, { activations }: EngineBenchOptions): Promise<Percentiles> {
  const from = arm.options.known;
  await arm.fill(from, from + activations, ACTIVATION_RECORDS);
  await arm.restart({ snapshots: false });
  return arm.activate(Array.from({ length: activations }, (_, i) => from + i));
}

/** In a process of its own, where nothing else is in the way. */
async function alongside(
  program: Program,
  { actors, events }: EngineBenchOptions,
): Promise<{ raw: number; fold: FoldSpeed }> {
  const process = newNode({ entry: program.entry });
  try {
    const raw = await process.call<number>("raw", { actors });
    return { raw, fold: await process.call<FoldSpeed>("fold", { events }) };
  } finally {
    await process.end();
  }
}

async function endAndRestart(arm: Arm, entry: string, times: number): Promise<EngineMeasured["restarts"]> {
  const actor: number[] = [];
  for (let i = 0; i < times; i++) actor.push(await arm.once(i, true));
  await arm.endNode();
  const process: EngineMeasured["restarts"]["process"][number][] = [];
  const failures: string[] = [];
  for (let i = 0; i < times; i++) {
    try {
      process.push(await restartProcess(arm, entry));
    } catch (error) {
      // What was measured before must not be lost for it.
      failures.push(String((error as Error).message));
    }
  }
  return { process, failures, actor, child: await restartChild(times) };
}
