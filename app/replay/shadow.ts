/**
 * `shadow`: the release as it is configured (playbooks, settings, language, encoder, articles, model) over recorded conversations, or
 * over those of a running desk as they end, with nobody hearing it. Customers, people and skills do what they did where it does what was done; what it does otherwise is asked of
 * scratch copies. Reported are the differences, conversation by conversation, each with its interval.
 */
import { relative } from "node:path";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { askedAt, askedIn } from "../../runtime/host/calls.ts";
import { ANSWER } from "../../runtime/host/cell.ts";
import { hashJson } from "../../runtime/json.ts";
import { type Apart, apartOf } from "../../scenarios/diff/index.ts";
import { finite, share } from "../../scenarios/experiments/numbers.ts";
import { Pairs } from "../../scenarios/experiments/pairs.ts";
import { parseDuration } from "../../scenarios/format.ts";
import { withoutAnswers } from "../../scenarios/recording/boundary.ts";
import type { RecordedDesk } from "../../scenarios/recording/make.ts";
import type { Recording } from "../../scenarios/recording/recording.ts";
import { table } from "../demo/text.ts";
import { ended } from "./ended.ts";
import { type LiveRun, type LiveRunOptions, liveRuns, runsOn } from "./live-run.ts";
import { writeRecording } from "./recordings.ts";
import { SHIPPED_RECORDINGS } from "./shipped.ts";

export interface ShadowFlags {
  readonly out?: string;
  readonly level: string;
  readonly live?: boolean;
  /** A duration. */
  readonly for?: string;
}

/** What a release consists of besides machines: asked anew each time. */
const RELEASE = new Set(["language", "knowledge", "model"]);
const isLive = (service: string): boolean => RELEASE.has(service);
/** Conversations that are named of those that went another way. */
const SHOWN = 20;

interface Named {
  readonly id: string;
  /** Absent for a conversation of a running desk. */
  readonly file?: string;
}

export async function shadow(env: CliEnv, paths: readonly string[], flags: ShadowFlags): Promise<void> {
  const { out, level } = flags;
  const chance = share("level", level);
  const pairs = new Pairs();
  const changed: (Named & Apart & { readonly scratch: number })[] = [];
  const failed: (Named & { readonly what: string })[] = [];
  let conversations = 0;
  let release = "";
  let asked = 0;
  for await (const run of runsOf(env, paths, flags)) {
    const { recording, came, file, desk, askedMs, scratch } = run;
    const named = { id: recording.header.id, ...(flags.live ? {} : { file: relative(process.cwd(), file) }) };
    release ||= digestOf(env, desk.recorded);
    if ("failed" in came) {
      failed.push({ ...named, what: came.failed });
      continue;
    }
    conversations++;
    asked += scratch;
    pairs.add(recording, came.recording, { before: tookMs(recording), after: askedMs });
    const apart = apartOf(afterOpening(recording), afterOpening(came.recording));
    if (apart) changed.push({ ...named, ...apart, scratch });
    if (out !== undefined) await writeRecording(out, came.recording);
  }
  if (failed.length > 0) env.fail();
  const measures = pairs
    .compare({ level: chance })
    .map((each) => ({ ...each, low: finite(each.low), high: finite(each.high) }));
  env.out({ release, conversations, changed, failed, scratch: asked, measures }, () => {
    const c = env.colors;
    const number = (value: number): string => value.toFixed(3);
    const rows = measures.map(({ measure, before, after, difference, low, high, found }) => [
      measure,
      number(before),
      number(after),
      number(difference),
      low === null || high === null ? c.dim("too few to say") : `${number(low)} to ${number(high)}`,
      // Recorded under the load of then, and asked now with nobody else there.
      found && measure !== "askedMs" ? c.yellow("differs") : "",
    ]);
    const head = ["", "recorded", "release", "difference", "interval", ""].map((text) => c.dim(text));
    return [
      table([head, ...rows], [1, 2, 3]),
      "",
      ...changed
        .slice(0, SHOWN)
        .map(({ id, seq, expected, got }) =>
          c.yellow(
            `  ${id}${seq ? ` at record ${seq}` : ""}: ${expected ?? "nothing"} became ${got ?? "nothing"}`,
          ),
        ),
      ...(changed.length > SHOWN ? [c.dim(`  and ${changed.length - SHOWN} more`)] : []),
      ...failed.map(({ id, what }) => c.red(`  ${id}: ${what}`)),
      `  release ${release.slice(0, 12)}: ${conversations} conversations, ${changed.length} of them otherwise; ${asked} calls that were not made then were answered by the shipped company`,
    ].join("\n");
  });
}

/** @throws UsageError for flags that say nothing together, DependencyError where no desk is running */
function runsOf(env: CliEnv, paths: readonly string[], flags: ShadowFlags): AsyncIterable<LiveRun> {
  const how = { isLive, asConfigured: true };
  if (!flags.live) {
    if (flags.for !== undefined) throw new UsageError("--for says how long --live goes on: add --live");
    return liveRuns(env, paths.length > 0 ? paths : SHIPPED_RECORDINGS, { ...how, label: "shadow" });
  }
  if (paths.length > 0)
    throw new UsageError("--live takes the conversations of the running desk: leave the paths out");
  const forMs = flags.for === undefined ? undefined : parseDuration(flags.for);
  if (flags.for !== undefined && !(forMs! > 0))
    throw new UsageError(`--for ${flags.for}: a duration such as 10m or 2h`);
  return alongside(env, how, forMs);
}

/** Conversations of the desk that is running, from now on. */
async function* alongside(
  env: CliEnv,
  how: Omit<LiveRunOptions, "label">,
  forMs: number | undefined,
): AsyncGenerator<LiveRun> {
  const since = Date.now();
  const client = env.client();
  const progress = env.progress("shadow:");
  const onProgress = (text: string): void => progress.update(text);
  const onLook = (taken: number): void => progress.update(`${taken} conversations have ended`);
  let begun = false;
  try {
    const found = ended(client, { since, forMs, signal: env.signal(), onLook });
    for await (const run of runsOn(env, { scenarios: [], at: since, onProgress }, found, how)) {
      begun = true;
      yield run;
    }
  } catch (error) {
    // What it came to so far is said all the same.
    if (!begun) throw error;
    env.fail();
    env.err(`ended early: ${(error as Error).message}`);
  } finally {
    progress.end();
  }
}

/** What of it is compared: it begins as the release has it, and what is answered anew may be answered otherwise. */
function afterOpening(recording: Recording): Recording {
  const { header, records } = withoutAnswers(recording, { live: () => true, inputs: true });
  return { header, records: records.filter(({ type }) => type !== "conversation.open") };
}

/** How long the services that are asked anew took then, ms. */
function tookMs({ records }: Recording): number {
  const asks = new Map(records.map((record) => [record.id, record]));
  let ms = 0;
  for (const record of records) {
    if (record.type !== ANSWER) continue;
    const ask = asks.get(String(record.clear.ask));
    const asked = askedIn(ask ?? record);
    const from = askedAt(record) ?? ask?.at;
    if (asked && from !== undefined && isLive(asked.service)) ms += record.at - from;
  }
  return ms;
}

/** What identifies the release, as far as it is configured: files of articles, encoder and model apart. */
function digestOf(env: CliEnv, { settings, digests }: RecordedDesk): string {
  const { encoder, model, agentic, knowledge } = env.config();
  const { apiKey: _, ...said } = model;
  return hashJson({ digests, settings, encoder, model: said, agentic, knowledge });
}
