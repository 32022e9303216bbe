/** `replay --mode frozen`: recordings through the same host and machines, with everything from outside taken from them. */
import { relative } from "node:path";
import { playbookDirs } from "../../actors/playbooks/index.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { Crew, FrozenDesk, playKilled } from "../../scenarios/frozen/index.ts";
import type { FrozenOptions, FrozenResult } from "../../scenarios/frozen/result.ts";
import { recordingFiles } from "../../scenarios/recording/files.ts";
import { readRecordings } from "../../scenarios/recording/read.ts";
import { SHELF_BYTES, Shelf } from "../../scenarios/recording/shelf.ts";
import { seconds, table } from "../demo/text.ts";
import { ownServer } from "./own-server.ts";
import { writeRecording } from "./recordings.ts";

export interface FrozenFlags extends Omit<FrozenOptions, "reorder"> {
  /** How often they are played; each time must come to the same. Default 1, with `reorder` 2. */
  readonly times?: number;
  /** From the second time on the records come in another order, each time another. */
  readonly reorder?: string;
  /** Folder that what the first time came to is written into, as recordings. */
  readonly out?: string;
  /** Threads. Default 1. */
  readonly parallel?: number;
  /** Where the log lies: `nats` is a server of its own, that every record goes through. Default `memory`. */
  readonly log?: "memory" | "nats";
}

/** With `crashEvery`, one recording of so many is played in processes that are really killed. */
const KILLED_OF = 10;
/** And no more often than so, each. */
const MOST_KILLS = 4;

/** One recording, over all times that it was played. */
export interface Replayed extends Omit<FrozenResult, "divergence" | "crashes" | "recording"> {
  readonly file: string;
  readonly firstDivergence?: string;
}

/** What came of all. */
export interface ReplayedAll {
  readonly scenarios: readonly Replayed[];
  /** Of the customer, over all times, and how long they took, ms. */
  readonly turns: number;
  readonly ms: number;
  readonly crashes: number;
  /** Of them, processes that were killed. */
  readonly kills: number;
}

export async function replayFrozen(env: CliEnv, paths: readonly string[], flags: FrozenFlags): Promise<void> {
  show(env, await playAll(env, paths, flags), flags);
}

export async function playAll(
  env: CliEnv,
  paths: readonly string[],
  flags: FrozenFlags,
): Promise<ReplayedAll> {
  const { reorder, times = reorder === undefined ? 1 : 2, parallel = 1, out, log, ...options } = flags;
  const files = recordingFiles(paths);
  const progress = env.progress("replay");
  const replayed = new Map<string, Replayed>();
  const playbooks = playbookDirs(env.config().playbooks);
  const { crashEvery, ...inside } = options;
  const isKilled = (n: number): boolean => crashEvery !== undefined && n % KILLED_OF === KILLED_OF - 1;
  const killed = files.filter((_, n) => isKilled(n));
  const played = files.filter((_, n) => !isKilled(n));
  let crashes = 0;
  let kills = 0;
  let turns = 0;
  let ms = 0;
  const shelfBytes = times > 1 ? SHELF_BYTES : 0;
  const stage =
    log === "nats" || parallel === 1
      ? await Alone.start(playbooks, log, shelfBytes)
      : await Crew.start(parallel, { playbooks, shelfBytes });
  try {
    for (let time = 1; time <= times && !env.signal().aborted; time++) {
      if (time > 1) await stage.anew();
      const keep = out !== undefined && time === 1;
      const order = reorder === undefined || time === 1 ? {} : { reorder: `${reorder} ${time}` };
      let done = 0;
      const writing: Promise<unknown>[] = [];
      const take = (file: string, result: FrozenResult): void => {
        crashes += result.crashes;
        turns += result.turns;
        if (keep && result.recording) writing.push(writeRecording(out, result.recording));
        const name = `${result.id} ${file}`;
        replayed.set(name, over(replayed.get(name), result, file));
        progress.update(`time ${time} of ${times}`, ++done, files.length);
      };
      const from = performance.now();
      await stage.play(played, { ...options, ...order, keep }, take, env.signal());
      ms += performance.now() - from;
      for (const file of env.signal().aborted ? [] : killed) {
        for await (const { header } of readRecordings(file)) {
          const result = await playKilled(file, header.id, {
            // To start a process takes a second.
            every: Math.max(crashEvery!, Math.ceil(header.records / MOST_KILLS)),
            playbooks,
            options: { ...inside, ...order },
          });
          kills += result.crashes;
          take(file, result);
        }
      }
      await Promise.all(writing);
    }
  } finally {
    await stage.end();
  }
  progress.end();
  const scenarios = [...replayed.values()];
  const twice = scenarios.map(({ id }) => id).find((id, i, all) => all.indexOf(id) !== i);
  if (twice !== undefined) {
    const [a, b] = scenarios.filter(({ id }) => id === twice).map(({ file }) => file);
    throw new UsageError(`${b}: recording ${twice} is in ${a} already: give it another id`);
  }
  return { scenarios, turns, ms, crashes, kills };
}

/** @param more what is said besides, as JSON and as lines of text */
export function show(
  env: CliEnv,
  { scenarios, turns, ms, crashes, kills }: ReplayedAll,
  { crashEvery }: Pick<FrozenFlags, "crashEvery">,
  more: { readonly json?: JsonObject; readonly lines?: readonly string[] } = {},
): void {
  const passed = scenarios.filter(({ status }) => status === "passed").length;
  const failed = scenarios.length - passed;
  const turnsPerSecond = ms === 0 ? 0 : Math.round((turns / (ms / 1_000)) * 10) / 10;
  if (failed > 0) env.fail();
  env.out(
    {
      scenarios,
      passed,
      failed,
      turnsPerSecond,
      ...(crashEvery ? { crashes, kills } : {}),
      ...more.json,
    },
    () => {
      const c = env.colors;
      const rows = scenarios.map((r) => [
        r.status === "passed" ? c.green("passed") : c.red(r.status),
        r.id,
        `${r.messages} messages`,
        `${r.skillCalls} calls`,
        seconds(r.durationMs),
      ]);
      const apart = scenarios.filter((r) => r.firstDivergence !== undefined);
      return [
        table(rows, [2, 3, 4]),
        ...(apart.length > 0 ? ["", ...apart.map((r) => c.red(`  ${r.firstDivergence}`))] : []),
        "",
        `  ${passed} passed, ${failed} failed, ${turnsPerSecond} turns a second${crashEvery ? `, ${crashes} crashes, ${kills} of them by kill -9` : ""}`,
        ...(more.lines ?? []),
      ].join("\n");
    },
  );
}

type OwnServer = Awaited<ReturnType<typeof ownServer>>;

/** One host in this thread. */
class Alone implements Pick<Crew, "anew" | "end"> {
  readonly #desk: FrozenDesk;
  readonly #server: OwnServer | undefined;
  readonly #shelf: Shelf;

  private constructor(desk: FrozenDesk, server: OwnServer | undefined, shelf: Shelf) {
    this.#desk = desk;
    this.#server = server;
    this.#shelf = shelf;
  }

  /** @param shelfBytes of files whose recordings are kept for the next time */
  static async start(
    playbooks: readonly string[],
    log: FrozenFlags["log"],
    shelfBytes: number,
  ): Promise<Alone> {
    const server = log === "nats" ? await ownServer() : undefined;
    return new Alone(new FrozenDesk({ playbooks, bus: server?.bus }), server, new Shelf(shelfBytes));
  }

  async play(
    files: readonly string[],
    options: FrozenOptions,
    onResult: (file: string, result: FrozenResult) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (const file of files) {
      for await (const recording of this.#shelf.recordings(file)) {
        if (signal.aborted) return;
        onResult(file, await this.#desk.play(recording, options));
      }
    }
  }

  anew(): Promise<void> {
    return this.#desk.close();
  }

  async end(): Promise<void> {
    await this.#desk.close();
    await this.#server?.stop();
  }
}

/** The same recording must come to the same again. */
function over(before: Replayed | undefined, result: FrozenResult, file: string): Replayed {
  const { divergence, crashes: _, recording: __, ...rest } = result;
  const where = relative(process.cwd(), file);
  const seq = divergence?.seq === undefined ? "" : ` at record ${divergence.seq}`;
  const own = divergence && `${where}: ${result.id}${seq}: ${divergence.what}`;
  const again =
    before && (before.transcriptHash !== result.transcriptHash || before.stateHash !== result.stateHash)
      ? `${where}: ${result.id}: played again, it came to something else`
      : undefined;
  const firstDivergence = before?.firstDivergence ?? own ?? again;
  return {
    ...rest,
    file: where,
    status: before && before.status !== "passed" ? before.status : again && !own ? "diverged" : result.status,
    ...(firstDivergence === undefined ? {} : { firstDivergence }),
    lostMessages: (before?.lostMessages ?? 0) + result.lostMessages,
    duplicatedSkillCalls: (before?.duplicatedSkillCalls ?? 0) + result.duplicatedSkillCalls,
    durationMs: Math.round((before?.durationMs ?? 0) + result.durationMs),
  };
}
