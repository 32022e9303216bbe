/**
 * `shadow`: the release as it is configured (playbooks, settings, language, encoder, articles, model) over recorded conversations, with
 * nobody hearing it. Customers, people and skills do what they did where it does what was done; what it does otherwise is asked of
 * scratch copies. Reported are the differences, conversation by conversation, each with its interval.
 */
import { relative } from "node:path";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { askedIn, readAt } from "../../runtime/host/calls.ts";
import { hashJson } from "../../runtime/json.ts";
import { apartOf } from "../../scenarios/diff/index.ts";
import { Pairs } from "../../scenarios/experiments/pairs.ts";
import { withoutAnswers } from "../../scenarios/recording/boundary.ts";
import type { RecordedDesk } from "../../scenarios/recording/make.ts";
import type { Recording } from "../../scenarios/recording/recording.ts";
import { table } from "../demo/text.ts";
import { liveRuns } from "./live-run.ts";
import { writeRecording } from "./recordings.ts";

export interface ShadowFlags {
  readonly out?: string;
  readonly level: string;
}

/** What a release consists of besides machines: asked anew each time. */
const RELEASE = new Set(["language", "knowledge", "model"]);
const isLive = (service: string): boolean => RELEASE.has(service);
/** Conversations that are named of those that went another way. */
const SHOWN = 20;

export async function shadow(
  env: CliEnv,
  paths: readonly string[],
  { out, level }: ShadowFlags,
): Promise<void> {
  const share = Number(level);
  if (!(share > 0 && share < 1)) throw new UsageError(`--level ${level}: a share between 0 and 1`);
  const pairs = new Pairs();
  const changed: { id: string; file: string; seq?: number; expected?: string; got?: string }[] = [];
  let conversations = 0;
  let release = "";
  for await (const run of liveRuns(env, paths, { isLive, ownSettings: true, label: "shadow" })) {
    const { recording, forked, file, desk, askedMs } = run;
    conversations++;
    release ||= digestOf(env, desk);
    pairs.add(recording, forked.recording, { before: tookMs(recording), after: askedMs });
    const counts = { live: () => true, inputs: true };
    const apart = apartOf(withoutAnswers(recording, counts), withoutAnswers(forked.recording, counts));
    if (apart) changed.push({ id: recording.header.id, file: relative(process.cwd(), file), ...apart });
    if (out !== undefined) await writeRecording(out, forked.recording);
  }
  // JSON has no infinity: before there are enough, nothing is said.
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const measures = pairs
    .compare({ level: share })
    .map((each) => ({ ...each, low: finite(each.low), high: finite(each.high) }));
  env.out({ release, conversations, changed, measures }, () => {
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
      `  release ${release.slice(0, 12)}: ${conversations} conversations, ${changed.length} of them otherwise`,
    ].join("\n");
  });
}

/** How long the services that are asked anew took then, ms. */
function tookMs({ records }: Recording): number {
  let ms = 0;
  for (const record of records) {
    const asked = askedIn(record);
    const from = readAt(record);
    if (asked && from !== undefined && isLive(asked.service)) ms += record.at - from;
  }
  return ms;
}

/** What identifies the release: any change of it is another. */
function digestOf(env: CliEnv, { settings, digests }: RecordedDesk): string {
  const { encoder, model, agentic } = env.config();
  const { provider, model: name, fallbackModel = null } = model;
  return hashJson({
    digests,
    settings,
    encoder: encoder.model,
    model: { provider, name: name ?? null, fallbackModel },
    agentic,
  });
}
