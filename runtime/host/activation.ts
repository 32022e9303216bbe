/** Brings actors into memory: from their snapshot, else from their last checkpoint or first record, and what the log has beyond. */
import { formatAddress } from "../address.ts";
import type { StoredRecord } from "../envelope.ts";
import { BodyLostError } from "../log/bodies.ts";
import { CHECKPOINT, LeftLogError } from "../log/checkpoint.ts";
import type { IndexedCheckpoint } from "../log/checkpoint-index.ts";
import { type LogSource, readRecord } from "../log/read.ts";
import type { RecordIndex } from "../log/record-index.ts";
import type { Cell } from "./cell.ts";
import type { CellState, CellStore } from "./cell-store.ts";
import { HOST } from "./host-options.ts";
import { stateHash } from "./state-hash.ts";
import { machineOf, UnknownVersionError } from "./versions.ts";

export interface ActivationParts extends LogSource {
  readonly index: RecordIndex;
  readonly store: CellStore;
  /** Whether a record was given up on, so that every fold passes over it. */
  readonly isSkipped: (record: StoredRecord) => boolean;
  readonly onDamage: (actor: string, reason: string) => void;
  /** An actor goes on in a version that this release runs, from before a later release had brought it to another one. */
  readonly onRolledBack: (actor: string, from: number, to: number) => void;
}

/** A state is not what was written: its state has another hash than the one that it carries. */
class AlteredError extends Error {
  override readonly name = "AlteredError";
}

/** A record that was folded once can't be folded any more: the machine was changed, or the record's body is lost. */
export class RefoldError extends Error {
  override readonly name = "RefoldError";
  constructor(
    readonly record: StoredRecord,
    override readonly cause: unknown,
  ) {
    super(`record ${record.seq} of ${formatAddress(record.to)} can't be folded again`);
  }
}

/** Records of one actor that are asked for at once: one after the other, each would cost a way to the server and back. */
const READ_AT_ONCE = 16;

/** What checkpoints say that can't be begun with. */
interface Unusable {
  /** First record that the actor ever folded. */
  readonly first: number;
  /** Of the machine, where that is why. */
  readonly version?: number;
}

/** How an actor was begun with a checkpoint, or why not. */
interface Begin {
  readonly unusable?: Unusable;
  /** The checkpoint that reaches furthest of those of a version that this release does not run. */
  readonly beyond?: IndexedCheckpoint & { readonly version: number };
}

export class Activation {
  readonly #p: ActivationParts;

  constructor(parts: ActivationParts) {
    this.#p = parts;
  }

  /**
   * Brings a cell to its state before record `before`, or later where a snapshot or a checkpoint is later.
   * @param floor nothing below it is used: it may be leaving the log, or there is more of the actor that has left
   * @param head what records up to here led to may be in the log already
   * @throws RefoldError, LeftLogError, UnknownVersionError; whatever the log says when it can't be read.
   */
  async activate(cell: Cell, before: () => number, floor: number, head: number): Promise<void> {
    cell.reset();
    const [checkpoints, state] = await Promise.all([
      this.#p.index.checkpoints.of(cell.to),
      this.#p.store.load(cell.to, (reason) => this.#p.onDamage(cell.name, reason)),
    ]);
    // Behind a later checkpoint it may have become another version.
    const isCurrent = state !== undefined && !checkpoints.some(({ seq }) => seq > state.seq);
    if (isCurrent && machineOf(cell.definition, state.version) && (state.extent?.base ?? 0) >= floor)
      this.#restore(cell, state);
    const { unusable, beyond }: Begin = cell.exists ? {} : await this.#begin(cell, checkpoints, floor);
    if (beyond) {
      // What a later release made of these records is not what this one would.
      const since = await this.#p.index.ofActor(cell.to, beyond.covers);
      if (since.some((seq) => seq <= head && !checkpoints.some((c) => c.seq === seq)))
        throw UnknownVersionError.ofMachine(cell.name, beyond.version, cell.definition);
    }
    try {
      if (unusable) {
        // The log had more of it than it has now.
        const [known = 0] = await this.#p.index.ofActor(cell.to);
        if (unusable.first < Math.max(floor, known)) throw new LeftLogError(cell.to);
      }
      await this.fold(cell, before(), floor);
    } catch (error) {
      if (unusable?.version === undefined || !(error instanceof LeftLogError)) throw error;
      throw UnknownVersionError.ofMachine(cell.name, unusable.version, cell.definition);
    }
    if (beyond && cell.exists) {
      cell.overruled = beyond.seq;
      this.#p.onRolledBack(cell.name, beyond.version, cell.version);
    }
    cell.active = true;
  }

  /**
   * Brings a fresh cell from the log alone to its state at record `seq`, from as far back as the log has all of it.
   * @param first the actor's first record ever
   */
  async again(cell: Cell, seq: number, floor: number, first: number): Promise<void> {
    const checkpoints = (await this.#p.index.checkpoints.of(cell.to)).filter(({ covers }) => covers <= seq);
    for (const checkpoint of checkpoints)
      if ((await this.#changesVersion(cell, checkpoint)) && (await this.#from(cell, checkpoint)) === true)
        break;
    if (first < floor && !cell.exists) {
      for (const checkpoint of checkpoints.reverse()) {
        const [next = 0] = await this.#p.index.ofActor(cell.to, checkpoint.covers);
        if (next < floor) continue;
        if ((await this.#from(cell, checkpoint)) === true) break;
      }
    }
    await this.fold(cell, seq + 1, floor);
  }

  async #changesVersion(cell: Cell, { seq }: IndexedCheckpoint): Promise<boolean> {
    return (await this.read(cell, seq))?.clear.anew === true;
  }

  /**
   * Begins with the checkpoint that reaches furthest of those behind whose state nothing has left. Answers what those say that
   * can't be used, where there is no other.
   */
  async #begin(cell: Cell, checkpoints: readonly IndexedCheckpoint[], floor: number): Promise<Begin> {
    let unusable: Unusable | undefined;
    let beyond: Begin["beyond"];
    for (const checkpoint of checkpoints) {
      if (checkpoint.seq < floor) continue;
      const [next] = await this.#p.index.ofActor(cell.to, checkpoint.covers);
      if (next !== undefined && next < floor) continue;
      const found = await this.#from(cell, checkpoint);
      if (found === true) return { beyond };
      if (!found) continue;
      if (found.version !== undefined) beyond ??= { ...checkpoint, version: found.version };
      unusable = {
        first: Math.min(found.first, unusable?.first ?? found.first),
        version: unusable?.version ?? found.version,
      };
    }
    return { unusable, beyond };
  }

  /** Restores a cell from a checkpoint; undefined when that can't be read. */
  async #from(cell: Cell, { seq, covers }: IndexedCheckpoint): Promise<true | Unusable | undefined> {
    const record = await this.read(cell, seq);
    if (record?.type !== CHECKPOINT || record.from.kind !== HOST.kind) return undefined;
    const state = record.data.state as unknown as CellState;
    const first = Number(record.clear.first);
    if (!machineOf(cell.definition, state.version)) return { first, version: state.version };
    return this.#restore(cell, state, { ...state.extent, covers, base: seq }) || { first };
  }

  #restore(cell: Cell, state: CellState, extent = state.extent): boolean {
    try {
      if (stateHash(state.machine) !== state.hash) throw new AlteredError();
      cell.restore(state, extent);
      return true;
    } catch (error) {
      cell.reset();
      if (error instanceof UnknownVersionError) throw error;
      this.#p.onDamage(cell.name, (error as Error).name);
      return false;
    }
  }

  /**
   * Folds what the log has between the cell's state and `before`; what it led to is in the log already.
   * @throws LeftLogError when it has no state and the log has not all of it
   */
  async fold(cell: Cell, before: number, floor: number): Promise<void> {
    const known = await this.#p.index.ofActor(cell.to, cell.seq);
    if (
      !cell.exists &&
      known[0] !== undefined &&
      known[0] < floor &&
      (this.#p.store.needs.baseOf(cell.to) ?? 0) < floor
    )
      throw new LeftLogError(cell.to);
    const seqs = known.filter((seq) => seq >= floor && seq < before);
    for (let i = 0; i < seqs.length; i += READ_AT_ONCE) {
      const part = seqs.slice(i, i + READ_AT_ONCE);
      const records = await Promise.all(part.map((seq) => this.read(cell, seq)));
      for (const [n, record] of records.entries()) {
        if (!record || this.#p.isSkipped(record)) {
          cell.skip(part[n]!);
          continue;
        }
        if (record.type === CHECKPOINT) {
          cell.passCheckpoint(record);
          continue;
        }
        cell.mayFold(record);
        try {
          cell.fold(record);
        } catch (error) {
          throw new RefoldError(record, error);
        }
      }
    }
  }

  /**
   * A record of an actor; undefined when nobody can read it, or when it is somebody else's.
   * @throws RefoldError when its body is lost, and it was not given up on for that before
   */
  async read(cell: Cell, seq: number): Promise<StoredRecord | undefined> {
    try {
      const record = await readRecord(this.#p, seq);
      return record && formatAddress(record.to) === cell.name ? record : undefined;
    } catch (error) {
      if (!(error instanceof BodyLostError)) throw error;
      const { record } = error;
      if (formatAddress(record.to) !== cell.name || this.#p.isSkipped(record)) return undefined;
      throw new RefoldError(record, error);
    }
  }
}
