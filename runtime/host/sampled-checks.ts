/**
 * The sampled check of a desk at work: of so many actors that leave memory, one is folded again from the log, and what it
 * was in memory and what its snapshot says are held against that. It runs in the background, one actor at a time, and
 * lets everything else go first. A divergence is counted and named, without anything that a person said.
 */
import type { Address } from "../address.ts";
import type { StoredRecord } from "../envelope.ts";
import type { Cell } from "./cell.ts";
import type { CellState } from "./cell-store.ts";
import type { ActorDefinition } from "./definition.ts";
import type { HostLog } from "./host.ts";
import type { PersistedMachine } from "./live-machine.ts";
import {
  beginFold,
  type Divergence,
  foldedRecords,
  foldSteps,
  lastCheckpoint,
  type Step,
  stateDivergence,
  stateText,
  stepDivergence,
} from "./verification.ts";

/** Of so many actors that leave memory, one is checked. */
export const VERIFY_EVERY = 50;
/** An actor with more records is not checked: folding them all would take too long for the background. */
const MOST_RECORDS = 2_000;
/** Folds that are held against the first one to find the step at which a divergence begins. */
const OTHER_FOLDS = [
  { which: "folded again", fold: "kept" },
  { which: "restored between records", fold: "restored" },
] as const;
const MOST_NAMES = 5;
const MOST_DEPTH = 4;

export interface SampledParts {
  readonly records: (to: Address) => Promise<StoredRecord[]>;
  readonly snapshot: (to: Address) => Promise<CellState | undefined>;
  readonly log: HostLog;
  /** Log time at which this node started. */
  readonly startedAt: number;
  /** Draws by lot, 0 ≤ x < 1. */
  readonly random?: () => number;
}

export class SampledChecks {
  readonly #p: SampledParts;
  readonly #every: number;
  readonly #random: () => number;
  #running: Promise<void> | undefined;
  #stopped = false;
  #checked = 0;
  #diverged = 0;

  constructor(parts: SampledParts, every = VERIFY_EVERY) {
    this.#p = parts;
    this.#every = every;
    this.#random = parts.random ?? Math.random;
  }

  /** An actor has left memory: nobody folds anything in this cell any more. */
  offer(cell: Cell): void {
    if (this.#running || this.#stopped || this.#every === 0 || !cell.exists) return;
    if (this.#random() * this.#every >= 1) return;
    this.#running = this.#check(cell)
      // The log can't be reached, or the node is about to end: there will be others to look at.
      .catch((error) => {
        if (!this.#stopped) this.#p.log.warn("a check was given up", { error: (error as Error)?.name });
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Actors that were looked at, and those of them that were not what the log says. */
  status(): { checked: number; diverged: number } {
    return { checked: this.#checked, diverged: this.#diverged };
  }

  /** Ends when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #check(cell: Cell): Promise<void> {
    const { to, definition, seq } = cell;
    const kept = await this.#p.snapshot(to);
    const records = (await this.#p.records(to)).filter((record) => record.seq <= seq);
    if (records.length > MOST_RECORDS) return;
    const last = foldedRecords(records).at(-1) ?? lastCheckpoint(records);
    if (!last) return;
    let machine: PersistedMachine | undefined;
    try {
      const { cell: again, rest } = beginFold(definition, to, records);
      for (const record of rest) {
        again.fold(record);
        if (await this.#isOver()) return;
      }
      machine = again.state().machine;
    } catch {
      // What was folded once can't be folded any more: the search below names the record.
    }
    const end: Step = { seq, type: last.type, state: machine ? stateText(machine) : "{}", wants: "{}" };
    // A snapshot of another record is one of a later life of this actor.
    const snapshot = kept?.seq === seq && kept.version === cell.version ? kept.machine : undefined;
    const found =
      stateDivergence(to, [end], seq, cell.state().machine, "in memory") ??
      (snapshot && stateDivergence(to, [end], seq, snapshot, "snapshot"));
    if (!found) {
      this.#checked++;
      return;
    }
    const first = await this.#where(definition, to, records);
    // Its data subject may have been erased meanwhile: then there is nothing left that it could differ from.
    if (this.#stopped || (await this.#p.records(to)).length === 0) return;
    this.#checked++;
    this.#diverged++;
    // Where the folds agree with each other, it is the state that something else has changed.
    const { actor, seq: at, type, which, paths } = first ?? found;
    const names = [...new Set(paths.map(({ path }) => nameOf(path)))].slice(0, MOST_NAMES);
    this.#p.log.error("state diverges from the log", {
      actor,
      seq: at,
      type,
      which,
      paths: names,
      // Playbooks and settings may have been changed between two starts: then this is no other state, but another machine.
      begun: records[0]!.at < this.#p.startedAt ? "before this start" : "since this start",
    });
  }

  /** The first step at which folds of the same records differ from each other; undefined when they don't. */
  async #where(
    definition: ActorDefinition,
    to: Address,
    records: readonly StoredRecord[],
  ): Promise<Divergence | undefined> {
    const first: Step[] = [];
    for (const step of foldSteps(definition, to, records)) {
      first.push(step);
      if (await this.#isOver()) return undefined;
    }
    for (const { which, fold } of OTHER_FOLDS) {
      let i = 0;
      for (const step of foldSteps(definition, to, records, fold)) {
        const found = stepDivergence(to, first[i++], step, which);
        if (found) return found;
        if (await this.#isOver()) return undefined;
      }
    }
    return undefined;
  }

  /** Lets everything else that waits go first; true when there is no point in going on. */
  async #isOver(): Promise<boolean> {
    await new Promise(setImmediate);
    return this.#stopped;
  }
}

/** A path as far as it consists of words of the program: what stands deeper, or has other names, may be a customer's. */
export function nameOf(path: string): string {
  const names: string[] = [];
  for (const part of path.replace(/\[\d+\]/g, "").split(".")) {
    if (names.length >= MOST_DEPTH || !/^[A-Za-z_]{1,40}$/.test(part)) return `${names.join(".")}.…`;
    names.push(part);
  }
  return names.join(".");
}
