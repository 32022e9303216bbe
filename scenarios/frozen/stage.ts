/** What recordings are played on: a host over a log in memory, with the machines that a recording was made by. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ActorSettings, actorDefinitions } from "../../actors/index.ts";
import { loadPlaybooks, type PlaybookSet, SHOP_PLAYBOOKS } from "../../actors/playbooks/index.ts";
import { Inventory } from "../../actors/skills/inventory.ts";
import type { Bus } from "../../runtime/bus/bus.ts";
import { subjectsOf } from "../../runtime/bus/subjects.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import type { Envelope } from "../../runtime/envelope.ts";
import { askedAt, askedIn } from "../../runtime/host/calls.ts";
import { newId } from "../../runtime/ids.ts";
import { canonicalJson } from "../../runtime/json.ts";
import { HeldLog, natsPlace, ReplayHost } from "../../runtime/replay/index.ts";
import type { Recording } from "../recording/recording.ts";
import { RecordedAnswers } from "./answers.ts";
import { type Forked, type ForkOptions, ForkRun } from "./fork.ts";
import { type FrozenStage, type OnStep, playFrozen } from "./frozen.ts";
import type { FrozenOptions, FrozenResult } from "./result.ts";

export interface FrozenDeskOptions {
  /** Folders of playbooks; those that are shipped unless given. */
  readonly playbooks?: readonly string[];
  /** Longest time that one record may take, ms. Default 10,000. */
  readonly recordMs?: number;
  /**
   * Folder that outlives the process, for one recording: a desk that is opened on it again goes on where the one before was
   * killed.
   */
  readonly dir?: string;
  /** Told of each record that gets its place in the log. */
  readonly onPlaced?: () => void;
  /** A server in whose streams the logs lie, each in a workspace of its own; in memory unless given. */
  readonly bus?: Bus;
}

interface Open {
  readonly stage: FrozenStage;
  readonly dir: string;
  /** Ids of the recordings that were played on it: an id counts once in a log. */
  readonly played: Set<string>;
}

/** Recordings between two writes of what has come to rest: until then all of their actors are in memory. */
const FLUSH_EVERY = 64;
/** Recordings that share a log: all of it is in memory. */
const MOST_ON_ONE = 512;
/** The same where everything is opened again after every few records: that takes longer the more there is. */
const MOST_THROUGH_CRASHES = 32;
/** Keys of a log that is gone with the process. */
const SECRET = Buffer.from("bailiwick replay");

export class FrozenDesk {
  readonly #playbooks: PlaybookSet;
  readonly #o: FrozenDeskOptions;
  readonly #inventory = new Inventory();
  /** By the settings of their machines. */
  readonly #open = new Map<string, Open>();

  constructor(options: FrozenDeskOptions = {}) {
    this.#o = options;
    this.#playbooks = loadPlaybooks([...(options.playbooks ?? [SHOP_PLAYBOOKS])], this.#inventory);
  }

  /** One after the other: time is that of the recording that is played. */
  async play(recording: Recording, options: FrozenOptions = {}, onStep?: OnStep): Promise<FrozenResult> {
    const { stage, played } = await this.#stage(
      recording,
      options.crashEvery === undefined ? MOST_ON_ONE : MOST_THROUGH_CRASHES,
    );
    played.add(recording.header.conversation);
    stage.answers.repeatable = repeatableIn(recording);
    const result = await playFrozen(recording, stage, options, onStep);
    // After a crash all is read again that was not written.
    if (options.crashEvery || played.size % FLUSH_EVERY === 0) await stage.host.flush();
    return result;
  }

  /** A log that is empty, or has what the one before it had. */
  async #log(workspace: string): Promise<HeldLog> {
    const { dir, onPlaced, bus } = this.#o;
    if (bus) {
      const own = `replay-${newId()}`.slice(0, 32);
      const place = await natsPlace(bus, subjectsOf(own));
      return new HeldLog({ workspace: own, secret: SECRET, place, onPlaced });
    }
    if (dir === undefined) return new HeldLog({ workspace, secret: SECRET, onPlaced });
    const journal = join(dir, "log.jsonl");
    const before = kept(journal);
    // Without what a kill cut off in the middle.
    writeFileSync(journal, before.map((envelope) => `${JSON.stringify(envelope)}\n`).join(""));
    let isNew = false;
    const log = new HeldLog({
      workspace,
      secret: SECRET,
      onPlaced: (envelope) => {
        if (!isNew) return;
        appendFileSync(journal, `${JSON.stringify(envelope)}\n`);
        onPlaced?.();
      },
    });
    for (const envelope of before) await log.place(envelope);
    isNew = true;
    return log;
  }

  /** @throws UsageError when there is no such step, or the part before it does not come to what was recorded */
  async fork(recording: Recording, options: ForkOptions): Promise<Forked> {
    const { at } = options;
    const record = recording.records.find(({ seq }) => seq === at);
    if (!record)
      throw new UsageError(`${recording.header.id} has no record ${at}: diff and replay name them`);
    const before = await this.play(recording, { until: at, keep: true });
    if (before.status !== "passed") {
      throw new UsageError(
        `${recording.header.id} goes apart before record ${at}: ${before.divergence?.what}; fork it there`,
      );
    }
    const { stage } = this.#open.get(nameOf(recording))!;
    return new ForkRun(recording, stage, options, before.recording!.records).play();
  }

  /** Nothing is known of what was played. What is played after it begins on an empty log. */
  async close(): Promise<void> {
    for (const name of [...this.#open.keys()]) await this.#end(name);
  }

  async #end(name: string): Promise<void> {
    const open = this.#open.get(name);
    this.#open.delete(name);
    await open?.stage.host.close();
    if (open && this.#o.dir === undefined) await rm(open.dir, { recursive: true, force: true });
  }

  /** @param most recordings that share it */
  async #stage(recording: Recording, most: number): Promise<Open> {
    const { header } = recording;
    const settings = header.settings as unknown as ActorSettings;
    const name = nameOf(recording);
    const known = this.#open.get(name);
    if (known && known.played.size < most && !known.played.has(header.conversation)) return known;
    if (known) await this.#end(name);
    const dir = this.#o.dir ?? (await mkdtemp(join(tmpdir(), "bailiwick-replay-")));
    const definitions = actorDefinitions({
      ...settings,
      playbooks: this.#playbooks,
      skills: this.#inventory,
    });
    const log = await this.#log(settings.workspace);
    const answers = new RecordedAnswers();
    answers.repeatable = repeatableIn(recording);
    const { recordMs } = this.#o;
    const stores = join(dir, "stores");
    const host = await ReplayHost.open({ dir: stores, log, definitions, dispatcher: answers, recordMs });
    const folded = new Set(definitions.filter(({ sink }) => !sink).map(({ kind }) => kind));
    const open: Open = { dir, stage: { log, host, answers, folded }, played: new Set() };
    this.#open.set(name, open);
    return open;
  }
}

/** Recordings of the same settings share a stage. */
function nameOf({ header }: Recording): string {
  return canonicalJson(header.settings);
}

/** Lines of a journal that are whole: a process that was killed may have left half of one. */
function kept(file: string): Envelope[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Envelope);
}

/** What had no record of its own when it was asked. */
function repeatableIn({ records }: Recording): Set<string> {
  const found = new Set<string>();
  for (const record of records) {
    const asked = askedAt(record) === undefined ? undefined : askedIn(record);
    if (asked) found.add(`${asked.service}.${asked.operation}`);
  }
  return found;
}
