/**
 * `replay --verify`: every actor of a scenario desk is folded again from the log, in several ways, and held against what it
 * was (L4, L5): so many times from its beginning, in another time zone, restored between every two records, against
 * the log, after all snapshots were deleted, and after all that the engine keeps besides the log was.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Address, formatAddress } from "../../runtime/address.ts";
import type { NewRecord, StoredRecord } from "../../runtime/envelope.ts";
import { dropSnapshots } from "../../runtime/host/cell-store.ts";
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import { ASK } from "../../runtime/host/outbox.ts";
import {
  type Divergence,
  effectDivergence,
  firstDivergence,
  foldSteps,
  type Step,
  stateDivergence,
  verifyFolds,
} from "../../runtime/host/verification.ts";
import type { OwnDesk } from "../demo/own-desk.ts";

export interface VerifiedActor {
  readonly to: Address;
  readonly records: number;
  readonly folds: number;
  readonly diverged: readonly Divergence[];
  /** Other keys than its own whose actors wrote to it. */
  readonly keys: ReadonlySet<string>;
}

/** Longest time for the desk to come to rest, ms. */
const REST_MS = 20_000;
const LOOK_MS = 20;
/** It is at rest when nothing was seen to happen so many times. */
const QUIET = 10;

/** What is done to a desk before its actors are read again, and what they are then. */
const RESTARTS: readonly { which: string; meanwhile: (engine: string) => Promise<void> }[] = [
  { which: "after all snapshots were deleted", meanwhile: dropSnapshots },
  {
    which: "after all but the log was deleted",
    meanwhile: (engine) => rm(engine, { recursive: true, force: true }),
  },
];

interface Watched {
  readonly to: Address;
  readonly keys: Set<string>;
  records: number;
  folds: number;
  /** Where the first fold ended. */
  end: Step | undefined;
  readonly diverged: Divergence[];
}

export interface VerifyOptions {
  readonly progress?: (what: string, done: number, all: number) => void;
  /** Gives it up. */
  readonly signal?: AbortSignal;
}

/** Notes the actors of a desk from now on, and verifies them when everything was played. */
export class DeskVerifier {
  readonly #desk: OwnDesk;
  readonly #times: number;
  readonly #actors = new Map<string, Watched>();
  /** The log as it was handed over, by ids. */
  readonly #log = new Map<string, StoredRecord>();

  constructor(desk: OwnDesk, times: number) {
    this.#desk = desk;
    this.#times = times;
    const { definitions, node } = desk.desk;
    const folded = new Set(definitions.filter((d) => !d.sink).map((d) => d.kind));
    node.observe((record) => {
      const { to, from } = record;
      this.#log.set(record.id, record);
      if (!folded.has(to.kind)) return;
      const name = formatAddress(to);
      let actor = this.#actors.get(name);
      if (!actor) {
        actor = { to, keys: new Set(), records: 0, folds: 0, end: undefined, diverged: [] };
        this.#actors.set(name, actor);
      }
      if (folded.has(from.kind) && from.key !== to.key) actor.keys.add(from.key);
    });
  }

  /** @throws when it is given up. */
  async verify(options: VerifyOptions = {}): Promise<VerifiedActor[]> {
    await this.#each((actor) => this.#fold(actor), "folding again", options);
    for (const { which, meanwhile } of RESTARTS) {
      await this.#desk.restart((dir) => meanwhile(join(dir, "engine")));
      await this.#each((actor) => this.#look(actor, which), which, options);
    }
    return [...this.#actors.values()];
  }

  async #each(
    work: (actor: Watched) => Promise<void>,
    what: string,
    { progress, signal }: VerifyOptions,
  ): Promise<void> {
    await this.#rest();
    let done = 0;
    for (const actor of [...this.#actors.values()]) {
      // What was not looked at must not be taken for what is in order.
      signal?.throwIfAborted();
      await work(actor);
      progress?.(what, ++done, this.#actors.size);
    }
  }

  /** Folds an actor's records so many times, and holds what it is in memory against that. */
  async #fold(actor: Watched): Promise<void> {
    const { to } = actor;
    const live = await this.#desk.desk.node.verify(to);
    const records = await this.#recordsOf(to, live?.seq);
    const { steps, folds, diverged } = verifyFolds(this.#definition(to), to, records, this.#times);
    actor.records = records.length;
    actor.folds = folds;
    actor.end = steps.at(-1);
    actor.diverged.push(...diverged);
    const found = live && stateDivergence(to, steps, live.seq, live.machine, "in memory");
    const effect = await effectDivergence(to, steps, (wanted) => this.#find(wanted));
    actor.diverged.push(...[found, effect].filter((each) => each !== undefined));
  }

  /** The record of the log that has the id of the one that was wanted. */
  async #find({ id, to, type }: NewRecord): Promise<StoredRecord | undefined> {
    const seen = this.#log.get(id);
    if (seen || type === ASK) return seen;
    return (await this.#desk.desk.node.recordsOfKey(to.key)).find((record) => record.id === id);
  }

  /** Reads an actor, which brings it back from the log, and holds what it is against what it was. */
  async #look(actor: Watched, which: string): Promise<void> {
    const { to, end } = actor;
    // An actor without a state: its customer was erased.
    if (!end) return;
    const live = await this.#caughtUp(to, end.seq);
    actor.folds++;
    let steps = [end];
    let found: Divergence | undefined;
    if (live && live.seq !== end.seq) {
      // Something has become due meanwhile.
      steps = [...foldSteps(this.#definition(to), to, await this.#recordsOf(to, live.seq))];
      found = firstDivergence(
        to,
        [end],
        steps.filter((step) => step.seq === end.seq),
        which,
      );
    }
    found ??= stateDivergence(to, steps, live?.seq ?? end.seq, live?.machine ?? NOTHING, which);
    if (found) actor.diverged.push(found);
  }

  /** The state of an actor, once it has folded what it had folded before. */
  async #caughtUp(to: Address, seq: number) {
    const until = performance.now() + REST_MS;
    for (;;) {
      const live = await this.#desk.desk.node.verify(to);
      if ((live && live.seq >= seq) || performance.now() > until) return live;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #definition({ kind }: Address): ActorDefinition {
    return this.#desk.desk.definitions.find((d) => d.kind === kind)!;
  }

  async #recordsOf(to: Address, upTo = Number.POSITIVE_INFINITY): Promise<StoredRecord[]> {
    const records = await this.#desk.desk.node.records(to);
    return records.filter((record) => record.seq <= upTo);
  }

  /** Waits until nothing is under way. What comes later all the same is looked at up to where it had come. */
  async #rest(): Promise<void> {
    const until = performance.now() + REST_MS;
    let head = -1;
    for (let quiet = 0; quiet < QUIET && performance.now() < until; quiet++) {
      const { host, log } = this.#desk.desk.node.status() as Record<string, Record<string, number>>;
      if (host!.waiting! + host!.unacknowledged! > 0 || log!.head !== head) quiet = 0;
      head = log!.head!;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

const NOTHING = { snapshot: {}, timers: [], generation: 0 };
