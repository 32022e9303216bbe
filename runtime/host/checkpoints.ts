/**
 * Appends checkpoints: for actors that have closed, and for those whose fold reaches back too far. What is appended is a state
 * of which everything it led to is in the log, and that waits for no answer: it can be gone on with from that record alone.
 */
import { LRUCache } from "lru-cache";
import { type Address, formatAddress } from "../address.ts";
import type { NewRecord } from "../envelope.ts";
import { derivedId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import { RecordRefusedError } from "../log/appender.ts";
import { CHECKPOINT, type CheckpointClear, LeftLogError } from "../log/checkpoint.ts";
import type { Cell } from "./cell.ts";
import type { CellState } from "./cell-store.ts";
import type { Cells } from "./cells.ts";
import { HOST, type HostParts } from "./host-options.ts";
import type { Partition } from "./partition.ts";
import type { Sender } from "./sender.ts";

export interface CheckpointsParts extends Pick<HostParts, "appender" | "store" | "log"> {
  readonly cells: Cells;
  readonly sender: Sender;
}

/** Actors that are brought into memory and written at once. */
const AT_ONCE = 8;
/** Actors that are known to be too large. */
const REFUSED = 10_000;

export class Checkpoints {
  readonly counts = { checkpoints: 0 };
  readonly #p: CheckpointsParts;
  readonly #underWay = new Set<Cell>();
  /** Actors whose state can't be written, each with the last record that is in it: that one is not tried again. */
  readonly #refused = new LRUCache<string, number>({ max: REFUSED });

  constructor(parts: CheckpointsParts) {
    this.#p = parts;
  }

  /**
   * Has a closed actor's last state appended before it leaves memory; false when there is nothing to wait for. It is covered
   * once the checkpoint was read back.
   */
  close(cell: Cell): boolean {
    if (!cell.needsLog || !cell.closed) return false;
    if (this.#underWay.has(cell)) return true;
    if (this.#isRefused(cell) || !isReady(cell)) return false;
    // Only the end of the tenure ends it: whoever folds this next comes to the same.
    void this.append(cell).catch(() => {});
    return true;
  }

  /** One checkpoint of what the actor is now, unless it can't have one at the moment. @throws NotOwnedError */
  async append(cell: Cell): Promise<void> {
    if (!isReady(cell) || this.#underWay.has(cell) || this.#isRefused(cell)) return;
    const state = cell.state();
    const record = checkpointOf(cell, state);
    this.#underWay.add(cell);
    try {
      this.#p.appender.check(record);
      if (await this.#p.sender.send(record, { keepsRefused: false })) this.counts.checkpoints++;
      else this.#refused.set(cell.name, state.seq);
    } catch (error) {
      if (!(error instanceof RecordRefusedError)) throw error;
      if (!this.#refused.has(cell.name))
        this.#p.log.error("a state is too large for a checkpoint: its records stay in the log", {
          actor: cell.name,
        });
      this.#refused.set(cell.name, state.seq);
    } finally {
      this.#underWay.delete(cell);
    }
  }

  #isRefused({ name, seq }: Cell): boolean {
    return this.#refused.get(name) === seq;
  }

  /** Appends checkpoints for the actors of a partition whose fold needs something below a sequence. */
  async renew(partition: Partition, below: number): Promise<void> {
    const under = new Set<Promise<void>>();
    for await (const to of this.#p.store.needs.below(partition.number, below)) {
      if (partition.closed) break;
      const one = this.#renew(partition, to, below)
        // One actor that can't be brought into memory holds its own records, and nobody else's checkpoint.
        .catch((error) => {
          if (partition.closed) return;
          const details = { actor: formatAddress(to), error: (error as Error)?.name ?? "error" };
          this.#p.log.warn("an actor has no checkpoint yet", details);
        })
        .finally(() => under.delete(one));
      under.add(one);
      if (under.size >= AT_ONCE) await Promise.race(under);
    }
    await Promise.all(under);
  }

  async #renew(partition: Partition, to: Address, below: number): Promise<void> {
    const { cells, store } = this.#p;
    if (!(await cells.hasKey(to))) return store.forget(to);
    let cell: Cell | undefined;
    try {
      cell = await cells.active(to);
    } catch (error) {
      if (!(error instanceof LeftLogError)) throw error;
      // Of an earlier tenure: it has closed and left since.
      return store.forget(to);
    }
    if (!cell) return;
    if (!cell.exists) {
      // All that it ever had was given up on.
      if (cell.mailbox.length === 0 && cell.dirtySince === undefined) await store.forget(to);
    } else if (cell.needsLog && cell.extent.base < below) await this.append(cell);
    // What is written of it is older than what it is.
    else cell.dirtySince ??= partition.next;
  }
}

/** @param over where every fold has to begin here or later: the checkpoint of another version that it takes the place of, or 0 */
export function checkpointOf({ name, to }: Cell, state: CellState, over?: number): NewRecord {
  const { seq, version, extent } = state;
  const clear: CheckpointClear = { covers: seq, first: extent.first, version, anew: over !== undefined };
  return {
    // The same state has the same id, whoever appends it and however often.
    id: derivedId(name, "checkpoint", version, seq, ...(over ? ["over", over] : [])),
    type: CHECKPOINT,
    from: HOST,
    to,
    clear,
    data: { state: state as unknown as JsonObject },
  };
}

/** All that it led to is in the log, and it waits for no answer. */
export function isReady(cell: Cell): boolean {
  return cell.active && cell.exists && !cell.gone && cell.unacknowledged === 0 && cell.asks.length === 0;
}
