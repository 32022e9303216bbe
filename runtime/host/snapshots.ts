/**
 * Writes snapshots of what changed, a few at a time so that no message has to wait for all of them, then the positions that
 * they allow. A snapshot may be ahead of its position, never behind it. Lets idle actors leave memory.
 */
import { getHeapStatistics } from "node:v8";
import type { Clock } from "../clock.ts";
import type { RecordIndex } from "../log/record-index.ts";
import type { Cell } from "./cell.ts";
import type { CellState, CellStore } from "./cell-store.ts";
import type { Partition } from "./partition.ts";

export interface SnapshotParts {
  readonly store: CellStore;
  readonly index: RecordIndex;
  readonly clock: Clock;
  readonly cells: Map<string, Cell>;
  readonly partitions: ReadonlyMap<number, Partition>;
  readonly partitionOf: (cell: Cell) => number;
  readonly warn: (what: string, error: unknown) => void;
  /** Has a closed actor's checkpoint written; false when there is nothing to wait for. */
  readonly onClosed?: (cell: Cell) => boolean;
  /** Called for each actor in memory at each flush. */
  readonly onSeen?: (cell: Cell) => void;
  /** Called for an actor that has just left memory. */
  readonly onPassivated?: (cell: Cell) => void;
}

export interface SnapshotOptions {
  readonly passivateAfterMs: number;
  readonly maxHotActors: number;
  readonly maxHeapShare: number;
}

/** Part of the actors that leave at each flush while memory is short. */
const PRESSED_SHARE = 0.1;
/** States that are written without anything else happening in between: about 3 ms of work. */
const CELLS_AT_ONCE = 32;
/** So many times the actors that may be in memory are too many: who wants to bring one in waits until some have left. */
const CROWDED = 1.5;
/** A closed actor is hardly needed again, ms. */
const CLOSED_IDLE_MS = 1_000;

export class Snapshots {
  readonly #p: SnapshotParts;
  readonly #o: SnapshotOptions;
  #running: Promise<void> | undefined;
  /** Actors of which it was said that they can't be written. */
  readonly #reported = new WeakSet<Cell>();

  constructor(parts: SnapshotParts, options: SnapshotOptions) {
    this.#p = parts;
    this.#o = options;
  }

  /** One at a time; who asks meanwhile waits for the one under way. */
  flush(): Promise<void> {
    this.#running ??= this.#flush().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** The same, and after the one that is under way. */
  async flushAll(): Promise<void> {
    await this.#running?.catch(() => {});
    await this.flush();
  }

  /**
   * To be waited for before one more actor is brought into memory; undefined while there is room. Actors leave when they are
   * written, and where they come faster than that, memory would be all that bounds them. Nobody waits for longer than two
   * flushes: of those who are there, some may be unable to leave.
   */
  room(): Promise<void> | undefined {
    if (this.#p.cells.size <= this.#o.maxHotActors * CROWDED) return undefined;
    // What can't be written is said by whoever flushes, and ends the host when it lasts.
    return this.flushAll().catch(() => {});
  }

  async #flush(): Promise<void> {
    const { store, index, cells } = this.#p;
    this.#passivate();
    // The positions are those of this moment. A state that is looked at later may hold more: what lies between the two is
    // passed over when it is read again.
    const positions = new Map<number, number>();
    const owned = new Map(this.#p.partitions);
    for (const [number, partition] of owned) positions.set(number, partition.lowest);
    const lower = (cell: Cell, seq: number): void => {
      const number = this.#p.partitionOf(cell);
      positions.set(number, Math.min(positions.get(number) ?? seq, seq));
    };
    const changed: Cell[] = [];
    for (const cell of cells.values()) {
      if (cell.surplus) lower(cell, cell.surplus.from);
      if (cell.dirtySince !== undefined) changed.push(cell);
      this.#p.onSeen?.(cell);
    }
    // First the index: what a position has passed is not read again to be noted.
    await index.flush();
    for (let i = 0; i < changed.length; i += CELLS_AT_ONCE) {
      await this.#write(changed.slice(i, i + CELLS_AT_ONCE), lower);
      // Messages wait for no more than these few.
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Of what another tenure began with meanwhile, this one says nothing.
    for (const [number, partition] of owned)
      if (this.#p.partitions.get(number) !== partition) positions.delete(number);
    await store.write([], positions);
    if (cells.size > this.#o.maxHotActors) this.#passivate();
  }

  /** Writes the states of a few cells; `lower` is told of each that has to wait. */
  async #write(cells: readonly Cell[], lower: (cell: Cell, seq: number) => void): Promise<void> {
    const written: { cell: Cell; since: number; to: Cell["to"]; state: CellState; closed: boolean }[] = [];
    for (const cell of cells) {
      const since = cell.dirtySince;
      if (since === undefined || cell.gone) continue;
      const state = stateOf(cell, (error) => this.#report(cell, error));
      if (state) written.push({ cell, since, to: cell.to, state, closed: cell.closed });
      else lower(cell, since);
    }
    for (const { cell } of written) cell.dirtySince = undefined;
    try {
      await this.#p.store.write(written, new Map());
    } catch (error) {
      for (const { cell, since } of written) cell.dirtySince = Math.min(since, cell.dirtySince ?? since);
      throw error;
    }
  }

  #report(cell: Cell, error: unknown): void {
    if (this.#reported.has(cell)) return;
    this.#reported.add(cell);
    this.#p.warn(`the state of ${cell.name} can't be written`, error);
  }

  /** Idle actors leave; above the limit the least used of them do, however short they have been idle. */
  #passivate(): void {
    const { cells, clock } = this.#p;
    const now = clock.monotonic();
    for (const cell of cells.values()) {
      const patience = cell.closed ? CLOSED_IDLE_MS : this.#o.passivateAfterMs;
      if (now - cell.usedAt <= patience || !isIdle(cell)) continue;
      if (cell.closed && this.#p.onClosed?.(cell)) continue;
      this.#letGo(cell);
    }
    const pressed = heapShare() > this.#o.maxHeapShare ? Math.ceil(cells.size * PRESSED_SHARE) : 0;
    const excess = Math.max(cells.size - this.#o.maxHotActors, pressed);
    if (excess <= 0) return;
    const idle = [...cells.values()].filter(isIdle).sort((a, b) => a.usedAt - b.usedAt);
    for (const cell of idle.slice(0, excess)) this.#letGo(cell);
  }

  #letGo(cell: Cell): void {
    this.#p.cells.delete(cell.name);
    this.#p.onPassivated?.(cell);
  }
}

/** Part of the heap that this process may have that is in use. */
function heapShare(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used / limit;
}

/** Nothing is under way and all of it is in a snapshot. */
function isIdle(cell: Cell): boolean {
  return (
    cell.dirtySince === undefined &&
    !cell.running &&
    cell.mailbox.length === 0 &&
    cell.surplus === undefined &&
    cell.unacknowledged === 0
  );
}

/** Undefined while not all that it led to is acknowledged, and where its context is no JSON. */
function stateOf(cell: Cell, onError: (error: unknown) => void): CellState | undefined {
  if (cell.unacknowledged > 0 || !cell.exists || !cell.active) return undefined;
  try {
    return cell.state();
  } catch (error) {
    onError(error);
    return undefined;
  }
}
