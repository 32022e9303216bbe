/** `fork`: a recording up to a step, and from there on another way, on a fresh desk of the shipped company. */
import { playbookDirs } from "../../actors/playbooks/index.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { columnsOf, diffRecordings, firstOf } from "../../scenarios/diff/index.ts";
import { type Forked, FrozenDesk } from "../../scenarios/frozen/index.ts";
import { loadScenario } from "../../scenarios/load.ts";
import type { Recording } from "../../scenarios/recording/recording.ts";
import { openScenarioDesk } from "../demo/shop.ts";
import { callsOn } from "./live-call.ts";
import { only, writeRecording, writtenAs } from "./recordings.ts";

export interface ForkFlags {
  readonly at?: number;
  readonly say?: string;
  readonly out?: string;
}

export async function fork(env: CliEnv, file: string, { at, say, out }: ForkFlags): Promise<void> {
  const recording = await only(file);
  const playbooks = playbookDirs(env.config().playbooks);
  const progress = env.progress("fork");
  const desk = new FrozenDesk({ playbooks });
  let forked: Forked;
  try {
    const from = at ?? (await divergenceOf(recording, playbooks));
    const scenario = writtenAs(file);
    // Scratch copies of everything: what is done from here on is done to nobody.
    const own = await openScenarioDesk(env, scenario ? [loadScenario(scenario)] : [], {
      progress: (text) => progress.update(text),
    });
    try {
      progress.update("playing");
      forked = await desk.fork(recording, {
        at: from,
        say,
        live: callsOn(own, recording),
      });
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
