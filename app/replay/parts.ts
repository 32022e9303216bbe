/**
 * `replay --mode live-skills` and `--mode live-models`: a part of what recordings had from outside is really asked, of a fresh desk
 * of the shipped company whose clock shows their time; all else comes from the recordings. What the desk asks and says is held
 * against what it asked and said; what is really asked may answer something else.
 */
import { relative } from "node:path";
import { Inventory } from "../../actors/skills/inventory.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { apartOf, columnsOf, type Diff, diffRecordings } from "../../scenarios/diff/index.ts";
import { callsOf, type Forked } from "../../scenarios/frozen/index.ts";
import { transcriptHash, withoutAnswers } from "../../scenarios/recording/boundary.ts";
import { type Replayed, show } from "./frozen.ts";
import { type LiveRun, type LiveRunOptions, liveRuns } from "./live-run.ts";
import { writeRecording } from "./recordings.ts";

export type LivePart = "live-skills" | "live-models";

export interface PartsOptions {
  /** `tolerant`: what is asked may be asked with something else. */
  readonly match: "strict" | "tolerant";
  /** Folder that what it came to is written into, as recordings. */
  readonly out?: string;
}

const SKILLS = new Set(new Inventory().systems());
const IS_LIVE: Readonly<Record<LivePart, (service: string) => boolean>> = {
  "live-skills": (service) => SKILLS.has(service),
  "live-models": (service) => service === "model",
};

export async function replayParts(
  env: CliEnv,
  paths: readonly string[],
  part: LivePart,
  options: PartsOptions,
): Promise<void> {
  if (part === "live-models" && env.config().model.provider === "none")
    throw new UsageError("--mode live-models needs a model: set model.provider and model.model");
  const { match, out } = options;
  const scenarios: Replayed[] = [];
  const told: string[] = [];
  const answered = { live: 0, recorded: 0 };
  let ms = 0;
  const how = { isLive: IS_LIVE[part], match, label: "replay" };
  for await (const run of liveRuns(env, paths, how)) {
    const { came, durationMs } = run;
    ms += durationMs;
    if ("failed" in came) {
      scenarios.push(failedOf(run, came.failed));
      continue;
    }
    const { replayed, columns } = judged(env, run, came, how);
    if (out !== undefined) await writeRecording(out, came.recording);
    scenarios.push(replayed);
    answered.live += came.live;
    answered.recorded += came.recorded;
    told.push(...columns);
  }
  const isIdle = part === "live-models" && answered.live === 0;
  if (isIdle) env.fail();
  const turns = scenarios.reduce((n, s) => n + s.turns, 0);
  show(
    env,
    { scenarios, turns, ms, crashes: 0, kills: 0 },
    {},
    {
      json: { answered },
      lines: [
        `  ${answered.live} calls made, ${answered.recorded} answered from the recordings`,
        ...(isIdle ? ["  no model was asked: they were recorded without one"] : []),
        ...(scenarios.length === 1 ? told : []),
      ],
    },
  );
}

function judged(
  env: CliEnv,
  { file, recording, durationMs }: LiveRun,
  forked: Forked,
  { isLive, match }: LiveRunOptions,
): { replayed: Replayed; columns: readonly string[] } {
  const { header, records } = recording;
  const counts = { live: isLive, inputs: match !== "tolerant" };
  const [was, came] = [withoutAnswers(recording, counts), withoutAnswers(forked.recording, counts)];
  const apart = apartOf(was, came);
  const where = relative(process.cwd(), file);
  const [unused] = forked.unused;
  const told = apart
    ? `${apart.expected ?? "nothing"} became ${apart.got ?? "nothing"}`
    : unused && `${unused} was not asked, which the recording has the answer of`;
  const seq = apart?.seq === undefined ? "" : ` at record ${apart.seq}`;
  const made = forked.recording.records;
  const calls = callsOf(made);
  const replies = (r: typeof made): number => r.filter(({ type }) => type === "reply").length;
  const customers = made.filter(({ type }) => type === "customer.message").length;
  const columns = (diff: Diff) =>
    columnsOf(diff, process.stdout.columns ?? 120, env.colors, Number.POSITIVE_INFINITY);
  return {
    replayed: {
      id: header.id,
      file: where,
      status: told === undefined ? "passed" : "diverged",
      messages: customers + replies(made),
      turns: customers,
      skillCalls: calls.size + calls.repeated,
      transcriptHash: transcriptHash(made),
      stateHash: forked.stateHash,
      ...(told === undefined ? {} : { firstDivergence: `${where}: ${header.id}${seq}: ${told}` }),
      lostMessages: Math.max(0, replies(records) - replies(made)),
      duplicatedSkillCalls: Math.max(0, calls.repeated - callsOf(records).repeated),
      durationMs: Math.round(durationMs),
    },
    columns: apart ? ["", ...columns(diffRecordings(was, came))] : [],
  };
}

function failedOf({ file, recording: { header }, durationMs }: LiveRun, why: string): Replayed {
  const where = relative(process.cwd(), file);
  return {
    id: header.id,
    file: where,
    status: "failed",
    messages: 0,
    turns: 0,
    skillCalls: 0,
    transcriptHash: "",
    stateHash: "",
    firstDivergence: `${where}: ${header.id}: ${why}`,
    lostMessages: 0,
    duplicatedSkillCalls: 0,
    durationMs: Math.round(durationMs),
  };
}
