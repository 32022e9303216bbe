/**
 * Has actors go on in another version of their machine: where a migration leads on from theirs, and where a later release had
 * brought them to one that this release does not have. Either way the actor's state goes into its own log as a checkpoint that
 * says so, before anything more is folded; so every later fold begins there and comes to the same.
 */

import type { Address } from "../address.ts";
import { type Acknowledged, RecordRefusedError } from "../log/appender.ts";
import type { Cell } from "./cell.ts";
import type { CellState } from "./cell-store.ts";
import { checkpointOf, isReady } from "./checkpoints.ts";
import type { HostParts } from "./host-options.ts";
import type { Partition } from "./partition.ts";
import type { Sender } from "./sender.ts";
import type { TimerQueue } from "./timer-queue.ts";
import { leadsOn, migrated } from "./versions.ts";

export interface MigrationsParts extends Pick<HostParts, "appender" | "definitions" | "log" | "store"> {
  readonly sender: Sender;
  readonly timers: TimerQueue;
  readonly partitionOf: (to: Address) => Partition | undefined;
  /** Brings an actor into memory, which has it go on in another version where it can. */
  readonly bring: (to: Address) => Promise<unknown>;
  /** Has the records that wait in a cell worked off. */
  readonly work: (cell: Cell) => void;
  readonly warn: (what: string, error: unknown) => void;
}

export class Migrations {
  readonly counts = { migrated: 0 };
  readonly #p: MigrationsParts;
  /** Actors that stay as they are, of which that was said. */
  readonly #staying = new WeakSet<Cell>();

  constructor(parts: MigrationsParts) {
    this.#p = parts;
  }

  /** Whether an actor has to go on in another version, and can now: it waits for no answer, and all that it led to is in the log. */
  isDue(cell: Cell): boolean {
    const wanted = cell.overruled > 0 || (leadsOn(cell.definition, cell.version) && !cell.closed);
    return wanted && isReady(cell) && !this.#staying.has(cell);
  }

  /** Brings open actors into memory that may have to go on in another version, so that none is left behind when that is dropped. */
  async lookThrough(partition: Partition): Promise<void> {
    for (const { kind, migrations = [] } of this.#p.definitions) {
      if (migrations.length === 0) continue;
      for (const to of await this.#p.store.openIn(partition.number, kind)) {
        if (partition.ended.aborted) return;
        try {
          await this.#p.bring(to);
        } catch (error) {
          if (!partition.ended.aborted) this.#p.warn("an actor was not looked at for a migration", error);
        }
      }
    }
  }

  /** An actor in memory that had to wait with it goes on in another version once it can. */
  look(cell: Cell): void {
    if (this.isDue(cell) && !cell.running && cell.mailbox.length === 0) void this.#settleAlone(cell);
  }

  async #settleAlone(cell: Cell): Promise<void> {
    const partition = this.#p.partitionOf(cell.to);
    if (!partition) return;
    cell.running = true;
    try {
      await this.settle(cell, partition);
    } catch (error) {
      if (!cell.gone) this.#p.warn("an actor could not go on in another version yet", error);
    } finally {
      cell.running = false;
      this.#p.work(cell);
    }
  }

  /** Nothing may be folded meanwhile. @throws NotOwnedError */
  async settle(cell: Cell, partition: Partition): Promise<void> {
    const before = cell.state();
    let state: CellState;
    try {
      state = cell.closed ? before : migrated(cell.definition, before, cell.to.id);
    } catch (error) {
      return this.#stay(cell, "a migration failed: the actor stays in its version", error);
    }
    // What a later release made of it has the same sequence, perhaps, and must not be taken for this.
    const record = checkpointOf(cell, state, cell.overruled);
    let kept: Acknowledged | undefined;
    try {
      this.#p.appender.check(record);
      kept = await this.#p.sender.send(record, { keepsRefused: false });
    } catch (error) {
      if (!(error instanceof RecordRefusedError)) throw error;
      return this.#stay(cell, "a state is too large for a checkpoint: the actor stays in its version", error);
    }
    if (!kept || cell.gone) return;
    cell.overruled = 0;
    if (state.version !== before.version) this.counts.migrated++;
    cell.restore(state, { ...before.extent, covers: state.seq, base: kept.seq });
    this.#p.timers.set(cell.name, cell.timers);
    cell.dirtySince ??= partition.next;
  }

  #stay(cell: Cell, what: string, error: unknown): void {
    this.#staying.add(cell);
    const details = { actor: cell.name, version: cell.version, error: (error as Error)?.name ?? "error" };
    this.#p.log.error(what, details);
  }
}
