/** Recordings that are played again with a part of what they had from outside really asked, of desks of the replay's own. */
import { dirname } from "node:path";
import { playbookDirs } from "../../actors/playbooks/index.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { type Forked, FrozenDesk } from "../../scenarios/frozen/index.ts";
import { loadScenario } from "../../scenarios/load.ts";
import { recordingFiles } from "../../scenarios/recording/files.ts";
import type { RecordedDesk } from "../../scenarios/recording/make.ts";
import { readRecordings } from "../../scenarios/recording/read.ts";
import type { Recording } from "../../scenarios/recording/recording.ts";
import type { OwnDesk } from "../demo/own-desk.ts";
import { openScenarioDesk } from "../demo/shop.ts";
import { callsOn } from "./live-call.ts";
import { writtenAs } from "./recordings.ts";

export interface LiveRunOptions {
  /** Services of which the recordings answer nothing. */
  readonly isLive: (service: string) => boolean;
  /** `tolerant`: a recorded answer is also for what is asked with something else. */
  readonly match?: "strict" | "tolerant";
  /** The machines are made of the settings that are configured now, and not of those of the recordings. Default false. */
  readonly ownSettings?: boolean;
  /** What is shown while it goes on. */
  readonly label: string;
}

export interface LiveRun {
  readonly file: string;
  readonly recording: Recording;
  readonly forked: Forked;
  /** What the desk that was asked is made of. */
  readonly desk: RecordedDesk;
  /** Of all of it, and of the calls of live services, ms. */
  readonly durationMs: number;
  readonly askedMs: number;
}

interface Filed {
  readonly file: string;
  readonly recording: Recording;
}

/**
 * One after the other, in the order of time. The recordings of a folder share a fresh desk of the shipped company, whose clock shows
 * their time: scratch copies of everything, so that what is done is done to nobody.
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
      const own = await openScenarioDesk(env, written.map(loadScenario), {
        progress: (text) => progress.update(text),
        at: startOf(filed[0]!),
      });
      const frozen = new FrozenDesk({ playbooks: playbookDirs(env.config().playbooks) });
      try {
        for (const one of filed) {
          if (env.signal().aborted) return;
          yield await runOne(frozen, own, one, options);
          progress.update("recordings", ++done, files.length);
        }
      } finally {
        await frozen.close();
        await own.stop();
      }
    }
  } finally {
    progress.end();
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
  { isLive, match, ownSettings = false }: LiveRunOptions,
): Promise<LiveRun> {
  const begun = performance.now();
  let askedMs = 0;
  const { header, records } = recording;
  const desk = own.desk.recorded;
  const played = ownSettings ? { records, header: { ...header, settings: desk.settings } } : recording;
  const live = callsOn(own, recording);
  const forked = await frozen.fork(played as Recording, {
    at: records[0]!.seq,
    isLive,
    match,
    live: async (call) => {
      const from = performance.now();
      const answer = await live(call);
      if (isLive(call.service)) askedMs += performance.now() - from;
      return answer;
    },
  });
  return { file, recording, forked, desk, durationMs: performance.now() - begun, askedMs };
}

function startOf({ recording }: Filed): number {
  return Date.parse(recording.header.startedAt);
}
