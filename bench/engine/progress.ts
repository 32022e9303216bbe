/**
 * How far a node has come with messages, seen from inside its process: which are folded and answered, and which are covered
 * by a position that is stored.
 */
import type { Bus } from "../../runtime/bus/index.ts";
import { CellStore } from "../../runtime/host/cell-store.ts";
import { DONE_SUBJECT } from "./place.ts";

/** Counts messages that a stored position has passed. */
export class Coverage {
  /** By partition: sequences of messages that no stored position has passed yet, in order. */
  readonly #open = new Map<number, number[]>();
  #covered = 0;
  #waiting: { readonly least: number; readonly resolve: () => void }[] = [];

  /** A message was handed over. */
  add(partition: number, seq: number): void {
    const open = this.#open.get(partition);
    if (open) open.push(seq);
    else this.#open.set(partition, [seq]);
  }

  /** Positions were stored. */
  stored(positions: ReadonlyMap<number, number>): void {
    for (const [partition, position] of positions) {
      const open = this.#open.get(partition) ?? [];
      let n = 0;
      while (n < open.length && open[n]! < position) n++;
      open.splice(0, n);
      this.#covered += n;
    }
    const there = this.#waiting.filter(({ least }) => least <= this.#covered);
    this.#waiting = this.#waiting.filter(({ least }) => least > this.#covered);
    for (const { resolve } of there) resolve();
  }

  /** Waits until so many messages are covered, all rounds together. */
  reached(least: number): Promise<void> {
    if (this.#covered >= least) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ least, resolve }));
  }
}

/** Tells the coverage of each write that a node of this process makes. */
export function watchStore(coverage: Coverage): void {
  const { write } = CellStore.prototype;
  CellStore.prototype.write = async function (cells, positions) {
    await write.call(this, cells, positions);
    coverage.stored(positions);
  };
}

/** Tells senders which of their messages are answered: one frame for all of a turn of the event loop. */
export class DoneFeed {
  readonly #bus: Bus;
  #ids: string[] = [];

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  add(id: string): void {
    if (this.#ids.push(id) > 1) return;
    setImmediate(() => {
      const frame = Buffer.from(this.#ids.join("\n"));
      this.#ids = [];
      if (this.#bus.status === "connected") this.#bus.publish(DONE_SUBJECT, frame);
    });
  }
}
