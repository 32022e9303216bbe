/**
 * What a node keeps of its cells in LevelDB: snapshots, what has to be woken at the start, positions, attempts.
 *
 * All of it is a cache over the log. Keys of the data (an address is `<kind>/<key>/<id>`):
 * - `s!<address>`      → snapshot, sealed under the data subject's key
 * - `w!<address>`      → deadlines, and whether asks are open: what the actor waits for
 * - `o!<address>`      → nothing; the actor is open (not closed)
 * - `p!<partition>`    → position: every record below is covered by snapshots
 * - `a!<record id>`    → attempts at a record, counted only after an unclean stop
 * - `m!running`        → present while a node runs, so that an unclean stop is known
 */
import type { Level } from "level";
import { type Address, formatAddress, parseAddress } from "../address.ts";
import type { JsonObject } from "../json.ts";
import type { KeyRing } from "../log/sealer.ts";
import type { PersistedMachine } from "./live-machine.ts";
import type { Deadline } from "./timer-queue.ts";

export interface OpenAsk {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly operation: string;
  /** ms since the epoch. */
  readonly deadline: number;
  readonly key: string;
  readonly input: JsonObject;
  /** Record whose fold asked. */
  readonly cause: string;
  readonly correlation: string;
  readonly traceparent?: string;
}

/** A cell's state at the end of a fold. */
export interface CellState {
  /** Version of the machine that wrote it. */
  readonly version: number;
  /** Last record folded. */
  readonly seq: number;
  /** Log time of that record. */
  readonly at: number;
  readonly startedAt: number;
  readonly asks: readonly OpenAsk[];
  readonly machine: PersistedMachine;
  /** `stateHash` of the machine. */
  readonly hash: string;
}

export interface Waiting {
  readonly timers: readonly Deadline[];
  readonly asks: boolean;
}

type Put = { type: "put"; key: string; value: string };
type Del = { type: "del"; key: string };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class CellStore {
  readonly #db: Level<string, string>;
  readonly #keys: KeyRing;

  constructor(db: Level<string, string>, keys: KeyRing) {
    this.#db = db;
    this.#keys = keys;
  }

  /**
   * The snapshot of an actor. Undefined when there is none or when it can't be read (`onDamage` is told why): the log
   * has everything.
   */
  async load(to: Address, onDamage?: (reason: string) => void): Promise<CellState | undefined> {
    const name = formatAddress(to);
    const stored = this.#db.getSync(`s!${name}`);
    if (stored === undefined) return undefined;
    const sealer = this.#keys.cached(to.key) ?? (await this.#keys.sealer(to.key));
    if (!sealer) return undefined; // its key was destroyed
    try {
      return JSON.parse(decoder.decode(sealer.open(Buffer.from(stored, "base64"), `snapshot ${name}`)));
    } catch (error) {
      onDamage?.(String(error));
      return undefined;
    }
  }

  position(partition: number): number {
    return Number(this.#db.getSync(`p!${partition}`) ?? 1);
  }

  /** Writes snapshots, and positions that no snapshot yet to be written is needed for, in one batch. */
  async write(
    cells: readonly { to: Address; state: CellState; closed: boolean }[],
    positions: ReadonlyMap<number, number>,
  ): Promise<void> {
    const operations: (Put | Del)[] = [];
    for (const { to, state, closed } of cells) {
      const name = formatAddress(to);
      const sealer = this.#keys.cached(to.key) ?? (await this.#keys.sealer(to.key, { create: true }));
      if (sealer) {
        const sealed = sealer.seal(encoder.encode(JSON.stringify(state)), `snapshot ${name}`);
        operations.push({ type: "put", key: `s!${name}`, value: sealed.toString("base64") });
      } else {
        // Its key was destroyed: nobody waits for anything here any more.
        for (const what of ["s", "w", "o"]) operations.push({ type: "del", key: `${what}!${name}` });
        continue;
      }
      const waiting: Waiting = {
        timers: state.machine.timers.map(({ key, generation, deadline }) => ({ key, generation, deadline })),
        asks: state.asks.length > 0,
      };
      if (waiting.asks || waiting.timers.length > 0) {
        operations.push({ type: "put", key: `w!${name}`, value: JSON.stringify(waiting) });
      } else {
        operations.push({ type: "del", key: `w!${name}` });
      }
      operations.push(
        closed ? { type: "del", key: `o!${name}` } : { type: "put", key: `o!${name}`, value: "" },
      );
    }
    for (const [partition, position] of positions) {
      operations.push({ type: "put", key: `p!${partition}`, value: String(position) });
    }
    await this.#db.batch(operations);
  }

  /** What has to be armed or woken at the start. */
  async *waiting(): AsyncGenerator<{ to: Address; waiting: Waiting }> {
    for await (const [key, value] of this.#db.iterator({ gte: "w!", lt: "w!~" })) {
      yield { to: parseAddress(key.slice(2)), waiting: JSON.parse(value) };
    }
  }

  /** Removes what is kept of an actor whose key was destroyed. */
  async forget(to: Address): Promise<void> {
    const name = formatAddress(to);
    await this.#db.batch(["s", "w", "o"].map((what) => ({ type: "del", key: `${what}!${name}` })));
  }

  /** Actors of a kind that are not closed, as far as written. */
  async open(kind: string): Promise<Address[]> {
    const found: Address[] = [];
    for await (const key of this.#db.keys({ gte: `o!${kind}/`, lt: `o!${kind}/~` })) {
      found.push(parseAddress(key.slice(2)));
    }
    return found;
  }

  /** Notes that a node runs; true when the last one did not stop cleanly. */
  async markRunning(): Promise<boolean> {
    const unclean = this.#db.getSync("m!running") !== undefined;
    await this.#db.put("m!running", "1", { sync: true } as object);
    if (!unclean) await this.clearAttempts();
    return unclean;
  }

  async markStopped(): Promise<void> {
    await this.clearAttempts();
    await this.#db.del("m!running");
  }

  /** Counts an attempt at a record before it is made, on disk, so that a crash of the process cannot hide it. */
  async countAttempt(recordId: string): Promise<number> {
    const n = Number(this.#db.getSync(`a!${recordId}`) ?? 0) + 1;
    await this.#db.put(`a!${recordId}`, String(n), { sync: true } as object);
    return n;
  }

  /** The record was folded after all. */
  async clearAttempt(recordId: string): Promise<void> {
    await this.#db.del(`a!${recordId}`);
  }

  async clearAttempts(): Promise<void> {
    await this.#db.clear({ gte: "a!", lt: "a!~" });
  }
}
