/** Recordings that are played again with a part of what they had from outside really asked, of desks of the replay's own. */
import { dirname } from "node:path";
import { playbookDirs } from "../../actors/playbooks/index.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import type { Scenario } from "../../scenarios/format.ts";
import { type Forked, FrozenDesk } from "../../scenarios/frozen/index.ts";
import { loadScenario } from "../../scenarios/load.ts";
import { recordingFiles } from "../../scenarios/recording/files.ts";
import { readRecordings } from "../../scenarios/recording/read.ts";
import type { Recording } from "../../scenarios/recording/recording.ts";
import type { OwnDesk } from "../demo/own-desk.ts";
import { openScenarioDesk } from "../demo/shop.ts";
import type { Desk } from "../desk.ts";
import { callsOn } from "./live-call.ts";
import { writtenAs } from "./recordings.ts";

export interface LiveRunOptions {
  /** Services of which the recordings answer nothing. */
  readonly isLive: (service: string) => boolean;
  /** `tolerant`: a recorded answer is also for what is asked with something else. */
  readonly match?: "strict" | "tolerant";
  /**
   * Conversations begin as they would on a desk of this configuration: with its settings, its versions of playbooks, its model. Default
   * false: as they began then.
   */
  readonly asConfigured?: boolean;
  /** What is shown while it goes on. */
  readonly label: string;
}

export interface LiveRun {
  readonly file: string;
  readonly recording: Recording;
  /** What came of it, or why nothing did. */
  readonly came: Forked | { readonly failed: string };
  /** The desk that was asked. */
  readonly desk: Desk;
  /** Of all of it, and of the calls of live services, ms. */
  readonly durationMs: number;
  readonly askedMs: number;
  /** Calls of other services that the recording has no answer to: those of scratch copies count. */
  readonly scratch: number;
}

/** A recording, and where it was found: a file, or a desk on which it is a conversation. */
export interface Filed {
  readonly file: string;
  readonly recording: Recording;
}

/**
 * One after the other, in the order of time. The recordings of a folder share a fresh desk of the shipped company, whose clock is moved
 * on to their time: scratch copies of everything, so that what is done is done to nobody.
 * @throws UsageError for paths without recordings
 */
export async function* liveRuns(
  env: CliEnv,
  paths: readonly string[],
  options: LiveRunOptions,
): AsyncGenerator<LiveRun> {
  const files = recordingFiles(paths);
  const progress = env.progress(options.label);
  let done = 0;
  try {
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      const filed = await readAll(files.filter((file) => dirname(file) === folder));
      const written = [...new Set(filed.map(({ file }) => writtenAs(file)))].filter((f) => f !== undefined);
      const scenarios = written.map(loadScenario);
      const desk = { scenarios, at: startOf(filed[0]!), onProgress: (text: string) => progress.update(text) };
      const all = Math.max(files.length, done + filed.length);
      for await (const run of runsOn(env, desk, filed, options)) {
        yield run;
        progress.update("recordings", ++done, all);
      }
    }
  } finally {
    progress.end();
  }
}

/** What a desk of the replay's own has to begin with. */
interface Beginning {
  readonly scenarios: readonly Scenario[];
  /** What its clock shows first, ms since the epoch. */
  readonly at: number;
  readonly onProgress: (text: string) => void;
}

/** All of them on one desk, as they come; until the command is stopped. */
export async function* runsOn(
  env: CliEnv,
  { scenarios, at, onProgress }: Beginning,
  filed: Iterable<Filed> | AsyncIterable<Filed>,
  options: Omit<LiveRunOptions, "label">,
): AsyncGenerator<LiveRun> {
  const own = await openScenarioDesk(env, scenarios, { progress: onProgress, at });
  const playbooks = playbookDirs(env.config().playbooks);
  let frozen: FrozenDesk | undefined;
  try {
    for await (const one of filed) {
      if (env.signal().aborted) return;
      frozen ??= new FrozenDesk({ playbooks });
      const run = await runOne(frozen, own, one, options);
      // What it was played on may be in the middle of something.
      if ("failed" in run.came) {
        await frozen.close();
        frozen = undefined;
      }
      yield run;
    }
  } finally {
    await Promise.allSettled([frozen?.close()]);
    await own.stop();
  }
}

/** Their clock only moves ahead. */
async function readAll(files: readonly string[]): Promise<Filed[]> {
  const filed: Filed[] = [];
  for (const file of files)
    for await (const recording of readRecordings(file)) filed.push({ file, recording });
  return filed.sort((a, b) => startOf(a) - startOf(b));
}

async function runOne(
  frozen: FrozenDesk,
  own: OwnDesk,
  { file, recording }: Filed,
  { isLive, match, asConfigured = false }: Omit<LiveRunOptions, "label">,
): Promise<LiveRun> {
  const begun = performance.now();
  let askedMs = 0;
  let scratch = 0;
  const { header, records } = recording;
  const { desk } = own;
  const opened = records.find(({ type }) => type === "conversation.open");
  const configured = asConfigured && opened !== undefined;
  const played: Recording = configured
    ? { records, header: { ...header, settings: desk.recorded.settings as never } }
    : recording;
  const make = callsOn(own, recording);
  const failed = (error: Error) => ({ failed: error.message });
  const came = await frozen
    .fork(played, {
      at: configured ? opened.seq : records[0]!.seq,
      ...(configured
        ? { instead: { model: undefined, agent: undefined, playbooks: undefined, ...desk.opening } }
        : {}),
      isLive,
      match,
      live: async (call) => {
        const from = performance.now();
        const answer = await make(call);
        if (isLive(call.service)) askedMs += performance.now() - from;
        else scratch++;
        return answer;
      },
    })
    .catch(failed);
  return { file, recording, came, desk, durationMs: performance.now() - begun, askedMs, scratch };
}

function startOf({ recording }: Filed): number {
  return Date.parse(recording.header.startedAt);
}
