/**
 * `replay --mode live-skills` and `--mode live-models`: a part of what recordings had from outside is really asked, of a fresh desk
 * of the shipped company whose clock shows their time; all else comes from the recordings. What the desk asks and says is held
 * against what it asked and said; what is really asked may answer something else.
 */
import { dirname, relative } from "node:path";
import { playbookDirs } from "../../actors/playbooks/index.ts";
import { Inventory } from "../../actors/skills/inventory.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { apartOf, columnsOf, type Diff, diffRecordings } from "../../scenarios/diff/index.ts";
import { callsOf, FrozenDesk } from "../../scenarios/frozen/index.ts";
import { loadScenario } from "../../scenarios/load.ts";
import { transcriptHash, withoutAnswers } from "../../scenarios/recording/boundary.ts";
import { recordingFiles } from "../../scenarios/recording/files.ts";
import { readRecordings } from "../../scenarios/recording/read.ts";
import type { Recording } from "../../scenarios/recording/recording.ts";
import type { OwnDesk } from "../demo/own-desk.ts";
import { openScenarioDesk } from "../demo/shop.ts";
import { type Replayed, show } from "./frozen.ts";
import { callsOn } from "./live-call.ts";
import { writeRecording, writtenAs } from "./recordings.ts";

export type LivePart = "live-skills" | "live-models";

export interface PartsOptions {
  /** `tolerant`: what is asked may be asked with something else. */
  readonly match: string;
  /** Folder that what it came to is written into, as recordings. */
  readonly out?: string;
}

const SKILLS = new Set(new Inventory().systems());
const IS_LIVE: Readonly<Record<LivePart, (service: string) => boolean>> = {
  "live-skills": (service) => SKILLS.has(service),
  "live-models": (service) => service === "model",
};

interface Filed {
  readonly file: string;
  readonly recording: Recording;
}

export async function replayParts(
  env: CliEnv,
  paths: readonly string[],
  part: LivePart,
  options: PartsOptions,
): Promise<void> {
  if (part === "live-models" && env.config().model.provider === "none")
    throw new UsageError("--mode live-models needs a model: set model.provider and model.model");
  const files = recordingFiles(paths);
  const progress = env.progress("replay");
  const scenarios: Replayed[] = [];
  const told: string[] = [];
  const answered = { live: 0, recorded: 0 };
  let ms = 0;
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    const filed: Filed[] = [];
    for (const file of files.filter((one) => dirname(one) === folder))
      for await (const recording of readRecordings(file)) filed.push({ file, recording });
    // One clock for all of them, which only moves ahead.
    filed.sort((a, b) => startOf(a) - startOf(b));
    const written = [...new Set(filed.map(({ file }) => writtenAs(file)))].filter((f) => f !== undefined);
    // Scratch copies of everything: what is done here is done to nobody.
    const own = await openScenarioDesk(env, written.map(loadScenario), {
      progress: (text) => progress.update(text),
      at: startOf(filed[0]!),
    });
    const frozen = new FrozenDesk({ playbooks: playbookDirs(env.config().playbooks) });
    try {
      const from = performance.now();
      for (const one of filed) {
        if (env.signal().aborted) break;
        const { replayed, live, recorded, columns } = await playOne(env, frozen, own, one, part, options);
        scenarios.push(replayed);
        answered.live += live;
        answered.recorded += recorded;
        told.push(...columns);
        progress.update(part, scenarios.length, files.length);
      }
      ms += performance.now() - from;
    } finally {
      await frozen.close();
      await own.stop();
    }
  }
  progress.end();
  const turns = scenarios.reduce((n, s) => n + s.turns, 0);
  show(
    env,
    { scenarios, turns, ms, crashes: 0, kills: 0 },
    {},
    {
      json: { answered },
      lines: [
        `  ${answered.live} calls made, ${answered.recorded} answered from the recordings`,
        ...(scenarios.length === 1 ? told : []),
      ],
    },
  );
}

async function playOne(
  env: CliEnv,
  frozen: FrozenDesk,
  own: OwnDesk,
  { file, recording }: Filed,
  part: LivePart,
  { match, out }: PartsOptions,
): Promise<{ replayed: Replayed; live: number; recorded: number; columns: readonly string[] }> {
  const begun = performance.now();
  const columns = (diff: Diff) =>
    columnsOf(diff, process.stdout.columns ?? 120, env.colors, Number.POSITIVE_INFINITY);
  const isLive = IS_LIVE[part];
  const { header, records } = recording;
  const reach = (at: number): Promise<void> => own.advance(Math.max(0, at - own.now()));
  await reach(Date.parse(header.startedAt));
  const live = callsOn(own, recording);
  const forked = await frozen.fork(recording, {
    at: records[0]!.seq,
    isLive,
    match: match === "tolerant" ? "tolerant" : "strict",
    live: async (call) => {
      await reach(call.at);
      return live(call);
    },
  });
  if (out !== undefined) await writeRecording(out, forked.recording);
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
      durationMs: Math.round(performance.now() - begun),
    },
    live: forked.live,
    recorded: forked.recorded,
    columns: apart ? ["", ...columns(diffRecordings(was, came))] : [],
  };
}

function startOf({ recording }: Filed): number {
  return Date.parse(recording.header.startedAt);
}
