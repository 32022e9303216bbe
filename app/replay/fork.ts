/** `fork`: a recording up to a step, and from there on another way, on a fresh desk of the shipped company. */
import { playbookDirs } from "../../actors/playbooks/index.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { loadConfig } from "../../runtime/config/load.ts";
import type { Config } from "../../runtime/config/schema.ts";
import type { Json, JsonObject } from "../../runtime/json.ts";
import { columnsOf, diffRecordings, firstOf } from "../../scenarios/diff/index.ts";
import { type Forked, type ForkOptions, FrozenDesk } from "../../scenarios/frozen/index.ts";
import { loadScenario } from "../../scenarios/load.ts";
import { inWords } from "../../scenarios/recording/boundary.ts";
import type { Recording } from "../../scenarios/recording/recording.ts";
import { actorSettings } from "../agents.ts";
import { openScenarioDesk } from "../demo/shop.ts";
import { callsOn } from "./live-call.ts";
import { only, writeRecording, writtenAs } from "./recordings.ts";

export interface ForkFlags {
  readonly at?: number;
  readonly say?: string;
  /** `<experiment>=<arm>` of those that are configured: from its beginning on as if the customer had been in it. */
  readonly arm?: string;
  /** Name of a model: from its beginning on as if the conversation had had that one. */
  readonly model?: string;
  /** A configuration file: from its beginning on as if the conversation had had the rules of escalation that are in it. */
  readonly policy?: string;
  readonly out?: string;
}

export async function fork(env: CliEnv, file: string, flags: ForkFlags): Promise<void> {
  const { out } = flags;
  const recording = await only(file);
  const playbooks = playbookDirs(env.config().playbooks);
  const progress = env.progress("fork");
  const desk = new FrozenDesk({ playbooks });
  let forked: Forked;
  try {
    const change = await changeOf(env, recording, flags, playbooks);
    const scenario = writtenAs(file);
    // Scratch copies of everything: what is done from here on is done to nobody.
    const own = await openScenarioDesk(env, scenario ? [loadScenario(scenario)] : [], {
      progress: (text) => progress.update(text),
      at: Date.parse(recording.header.startedAt),
    });
    try {
      progress.update("playing");
      forked = await desk.fork(recording, { ...change, live: callsOn(own, recording) });
    } finally {
      await own.stop();
    }
  } finally {
    progress.end();
    await desk.close();
  }
  const written = out === undefined ? undefined : await writeRecording(out, forked.recording);
  const compared = diffRecordings(recording, forked.recording);
  const { header } = forked.recording;
  const result = {
    id: header.id,
    source: header.source,
    records: header.records,
    answered: { recorded: forked.recorded, live: forked.live },
    same: compared.same,
    first: firstOf(compared),
    ...(written === undefined ? {} : { file: written }),
  };
  env.out(result, () =>
    [
      `${header.source}: ${forked.recorded} calls answered from the recording, ${forked.live} by skills`,
      ...(compared.same
        ? ["it came to the same"]
        : ["", ...columnsOf(compared, process.stdout.columns ?? 120, env.colors, Number.POSITIVE_INFINITY)]),
      ...(written === undefined ? [] : ["", written]),
    ].join("\n"),
  );
}

/** From where on what is another. @throws UsageError for what is not there, or does not go together */
async function changeOf(
  env: CliEnv,
  recording: Recording,
  { at, say, arm, model, policy }: ForkFlags,
  playbooks: readonly string[],
): Promise<Pick<ForkOptions, "at" | "instead">> {
  if (arm === undefined && model === undefined && policy === undefined) {
    const from = at ?? (await divergenceOf(recording, playbooks));
    if (say === undefined) return { at: from };
    const record = recording.records.find(({ seq }) => seq === from);
    if (record && record.type !== "customer.message")
      throw new UsageError(
        `record ${from} of ${recording.header.id} is no message of the customer: ${inWords(record)}`,
      );
    return { at: from, instead: { text: say } };
  }
  if (at !== undefined || say !== undefined)
    throw new UsageError(
      "--arm, --model and --policy are about how the conversation was opened: leave --at and --say out",
    );
  const opened = recording.records.find(({ type }) => type === "conversation.open");
  if (!opened) throw new UsageError(`${recording.header.id} has no record of how it was opened`);
  const config = env.config();
  const inArm = arm === undefined ? {} : openedIn(arm, config.experiments, opened.data);
  const asked = model ?? inArm.model;
  if (asked !== undefined && config.model.provider === "none")
    throw new UsageError(`there is no model to ask ${JSON.stringify(asked)} of: set model.provider`);
  const instead: Record<string, Json> = { ...inArm };
  if (asked !== undefined) instead.model = asked;
  if (policy !== undefined) instead.escalation = rulesIn(policy);
  return { at: opened.seq, instead };
}

/** How a conversation of an arm is opened. @throws UsageError for an arm that is not configured */
function openedIn(
  arm: string,
  experiments: Config["experiments"],
  { playbooks, experiments: before }: JsonObject,
): JsonObject {
  const [name = "", wanted = ""] = arm.split("=");
  const chosen = experiments[name]?.arms[wanted];
  if (!chosen) {
    const known = Object.entries(experiments).flatMap(([e, { arms }]) =>
      Object.keys(arms).map((a) => `${e}=${a}`),
    );
    throw new UsageError(`--arm ${arm} is not configured: there are ${known.join(", ") || "no experiments"}`);
  }
  const others = (part: Json | undefined) => (part ?? {}) as JsonObject;
  return {
    playbooks: { ...others(playbooks), ...chosen.playbooks },
    experiments: { ...others(before), [name]: wanted },
    ...(chosen.model === undefined ? {} : { model: chosen.model }),
    ...(chosen.escalation ? { escalation: chosen.escalation } : {}),
  };
}

/** @throws UsageError for a file that is no configuration */
function rulesIn(file: string): JsonObject {
  return { ...actorSettings(loadConfig({ file, env: {} }).config).policy };
}

/** Where it goes apart with the playbooks as they are. @throws UsageError where it does not */
async function divergenceOf(recording: Recording, playbooks: readonly string[]): Promise<number> {
  const desk = new FrozenDesk({ playbooks });
  try {
    const { divergence } = await desk.play(recording);
    if (divergence?.seq !== undefined) return divergence.seq;
  } finally {
    await desk.close();
  }
  throw new UsageError(
    `${recording.header.id} does not go apart as things are: say with --at SEQ from where on, and with --say TEXT what else the customer writes there`,
  );
}
