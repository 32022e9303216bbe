/**
 * What a node keeps of its cells in LevelDB: snapshots, what has to be woken at the start, positions, attempts.
 *
 * All of it is a cache over the log. Keys of the data (an address is `<kind>/<key>/<id>`, a partition has four digits):
 * - `s!<address>`      → snapshot, sealed under the data subject's key
 * - `w!<partition>!<address>` → deadlines, and whether asks are open: what the actor waits for
 * - `o!<partition>!<address>` → nothing; the actor is open (not closed)
 * - `b!…`, `f!…`       → what actors need of the log: `needs.ts`
 * - `p!<partition>`    → position: every record below is covered by snapshots
 * - `a!<record id>`    → attempts at a record, counted only after an unclean stop
 * - `m!running`        → present while a node runs, so that an unclean stop is known
 * - `m!format`         → which release's keys these are: those of an older one are built anew from the log
 */
import { Level } from "level";
import { type Address, formatAddress, parseAddress } from "../address.ts";
import type { JsonObject } from "../json.ts";
import type { KeyRing, Sealer } from "../log/sealer.ts";
import type { PersistedMachine } from "./live-machine.ts";
import { Needs } from "./needs.ts";
import type { Careful } from "./partition.ts";
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
  /**
   * It is repeatable, and so has no record of its own: set by the host when it is asked. Named for what was so first, since releases
   * before and after read each other's snapshots.
   */
  read?: boolean;
  /** Record whose fold asked. */
  readonly cause: string;
  readonly correlation: string;
  readonly traceparent?: string;
}

/** Where in the log a state comes from. */
export interface Extent {
  /** First record that the actor ever folded. */
  readonly first: number;
  /** The fold can begin here: with its first record, or with what its last checkpoint allows. */
  readonly base: number;
  /** Last record that was folded; later ones were passed over. */
  readonly folded: number;
  /** Up to where its last checkpoint reaches; 0 without one. */
  readonly covers: number;
}

/** Whether the actor has folded nothing since its last checkpoint. */
export function isCovered({ folded, covers }: Extent): boolean {
  return folded <= covers;
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
  readonly extent: Extent;
  readonly asks: readonly OpenAsk[];
  readonly machine: PersistedMachine;
  /** `stateHash` of the machine. */
  readonly hash: string;
}

export interface Waiting {
  readonly timers: readonly Deadline[];
  readonly asks: boolean;
}

/** What is known of an actor without its state: whether it is open, and what it waits for. */
export interface Kept {
  readonly to: Address;
  readonly open: boolean;
  readonly waiting?: Waiting;
  /** First sequence that its fold needs; undefined where it needs nothing: closed, and covered by a checkpoint. */
  readonly base?: number;
}

/** What one write said. */
export interface Written {
  /** Of each actor that was written; neither open nor waiting where nothing is kept of it any more. */
  readonly kept: readonly Kept[];
  readonly positions: ReadonlyMap<number, number>;
}

/** An actor's rows `o` and `w`, and what it needs of the log. */
interface Said {
  readonly open: boolean;
  readonly waiting: string | undefined;
  readonly base: number | undefined;
}

function saidOf({ open, waiting, base }: Kept): Said {
  return { open, waiting: waiting && JSON.stringify(waiting), base };
}

type Put = { type: "put"; key: string; value: string };
type Del = { type: "del"; key: string };

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const FORMAT = "3";
/** What `m!running` says. */
const STARTING = "1";
const CAME_THROUGH = "2";

/** Where the rows of a partition begin. */
function rows(what: "w" | "o", partition: number): string {
  return `${what}!${partition.toString().padStart(4, "0")}!`;
}

/** Removes all snapshots that a node left in its directory: the next one brings its actors back from the log. */
export async function dropSnapshots(dir: string): Promise<void> {
  const db = new Level<string, string>(dir);
  try {
    await db.clear({ gte: "s!", lt: "s!~" });
  } finally {
    await db.close();
  }
}

export class CellStore {
  readonly #db: Level<string, string>;
  readonly #keys: KeyRing;
  readonly #partitionOf: (to: Address) => number;
  /** What the rows of the cells in memory say. */
  readonly #said = new WeakMap<object, Said>();
  readonly needs: Needs;
  /** The end of all writes so far: of two that are under way at once, LevelDB may take the later first. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Told of each write, once it is on disk. */
  onWritten: ((written: Written) => void) | undefined;

  constructor(db: Level<string, string>, keys: KeyRing, partitionOf: (to: Address) => number) {
    this.#db = db;
    this.#keys = keys;
    this.#partitionOf = partitionOf;
    this.needs = new Needs(db, partitionOf);
  }

  /** Before anything else: what an older release wrote under other keys is dropped, and built anew from the log. */
  async open(): Promise<void> {
    if (this.#db.getSync("m!format") === FORMAT) return;
    for (const what of ["s", "w", "o", "b", "p"]) await this.#db.clear({ gte: `${what}!`, lt: `${what}!~` });
    await this.#db.put("m!format", FORMAT);
  }

  #row(what: "w" | "o", to: Address): string {
    return `${rows(what, this.#partitionOf(to))}${formatAddress(to)}`;
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

  /** Actors of which there is a snapshot. */
  async *kept(): AsyncGenerator<Address> {
    for await (const key of this.#db.keys({ gte: "s!", lt: "s!~" })) yield parseAddress(key.slice(2));
  }

  position(partition: number): number {
    return Number(this.#db.getSync(`p!${partition}`) ?? 1);
  }

  /**
   * Writes snapshots, and positions that no snapshot yet to be written is needed for, in one batch. `cell`: who has the state,
   * for as long as it is in memory; rows that say what they said of it the last time are not written again. Of one that is gone,
   * nothing is written: its rows may be those of another node by now.
   */
  async write(
    cells: readonly { cell?: { gone: boolean }; to: Address; state: CellState; closed: boolean }[],
    positions: ReadonlyMap<number, number>,
  ): Promise<void> {
    const operations: (Put | Del)[] = [];
    const kept: Kept[] = [];
    const said: [object, Said][] = [];
    const sealers = new Map<string, Sealer | undefined>();
    for (const { key } of cells.map(({ to }) => to))
      sealers.set(key, this.#keys.cached(key) ?? (await this.#keys.sealer(key, { create: true })));
    for (const { cell, to, state, closed } of cells) {
      if (cell?.gone) continue;
      const name = formatAddress(to);
      const sealer = sealers.get(to.key);
      if (sealer) {
        const sealed = sealer.seal(encoder.encode(JSON.stringify(state)), `snapshot ${name}`);
        operations.push({ type: "put", key: `s!${name}`, value: sealed.toString("base64") });
      } else {
        // Its key was destroyed: nobody waits for anything here any more.
        operations.push(...this.#forgetting(to));
        kept.push({ to, open: false });
        continue;
      }
      const waiting: Waiting = {
        timers: state.machine.timers.map(({ key, generation, deadline }) => ({ key, generation, deadline })),
        asks: state.asks.length > 0,
      };
      const waits = waiting.asks || waiting.timers.length > 0;
      const needs = closed && isCovered(state.extent) ? {} : { base: state.extent.base };
      const now: Kept = { to, open: !closed, ...(waits ? { waiting } : {}), ...needs };
      kept.push(now);
      const says = saidOf(now);
      operations.push(...this.#rows(to, says, cell && this.#said.get(cell)));
      if (cell) said.push([cell, says]);
    }
    for (const [partition, position] of positions) {
      operations.push({ type: "put", key: `p!${partition}`, value: String(position) });
    }
    await this.#inTurn(() => this.#db.batch(operations));
    for (const [cell, says] of said) this.#said.set(cell, says);
    for (const { to, base } of kept) if (base !== undefined) this.needs.written(to, base);
    this.onWritten?.({ kept, positions });
  }

  /** What makes the rows of an actor say this; all that they have to where it is not known what they say. */
  #rows(to: Address, { open, waiting, base }: Said, last?: Said): (Put | Del)[] {
    const operations: (Put | Del)[] = [];
    if (!last || last.base !== base) operations.push(this.needs.row(to, base));
    if (!last || last.waiting !== waiting) {
      const key = this.#row("w", to);
      operations.push(waiting === undefined ? { type: "del", key } : { type: "put", key, value: waiting });
    }
    if (last?.open !== open) {
      const key = this.#row("o", to);
      operations.push(open ? { type: "put", key, value: "" } : { type: "del", key });
    }
    return operations;
  }

  #forgetting(to: Address): (Put | Del)[] {
    const keys = [`s!${formatAddress(to)}`, this.#row("w", to), this.#row("o", to)];
    return [this.needs.row(to, undefined), ...keys.map((key): Del => ({ type: "del", key }))];
  }

  /** What has to be armed or woken in a partition. */
  async *waiting(partition: number): AsyncGenerator<{ to: Address; waiting: Waiting }> {
    const prefix = rows("w", partition);
    for await (const [key, value] of this.#db.iterator({ gte: prefix, lt: `${prefix}~` })) {
      yield { to: parseAddress(key.slice(prefix.length)), waiting: JSON.parse(value) };
    }
  }

  /** The position of a partition, and who in it is open or waits, as of one moment. */
  async summary(partition: number): Promise<{ position: number; kept: Kept[] }> {
    const snapshot = this.#db.snapshot();
    try {
      const found = new Map<string, Kept>();
      const read = async (what: "w" | "o", of: (value: string) => Partial<Kept>): Promise<void> => {
        const prefix = rows(what, partition);
        for await (const [key, value] of this.#db.iterator({ gte: prefix, lt: `${prefix}~`, snapshot })) {
          const name = key.slice(prefix.length);
          found.set(name, { to: parseAddress(name), open: false, ...found.get(name), ...of(value) });
        }
      };
      await read("w", (value) => ({ waiting: JSON.parse(value) }));
      await read("o", () => ({ open: true }));
      for await (const [to, base] of this.needs.rows(partition, snapshot)) {
        const name = formatAddress(to);
        found.set(name, { to, open: false, ...found.get(name), base });
      }
      const position = Number((await this.#db.get(`p!${partition}`, { snapshot })) ?? 1);
      return { position, kept: [...found.values()] };
    } finally {
      await snapshot.close();
    }
  }

  /** Replaces what is known of a partition by what another node knew at a position. Snapshots stay: the log goes on from them. */
  adopt(partition: number, position: number, kept: readonly Kept[]): Promise<void> {
    return this.#inTurn(async () => {
      const operations: (Put | Del)[] = [];
      for (const { to } of (await this.summary(partition)).kept)
        operations.push(...this.#rows(to, saidOf({ to, open: false })));
      for (const each of kept) operations.push(...this.#rows(each.to, saidOf(each)));
      operations.push({ type: "put", key: `p!${partition}`, value: String(position) });
      await this.#db.batch(operations);
    });
  }

  /** Removes what is kept of an actor whose key was destroyed. */
  async forget(to: Address): Promise<void> {
    await this.#inTurn(() => this.#db.batch(this.#forgetting(to)));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#writing.then(work);
    this.#writing = mine.catch(() => {});
    return mine;
  }

  /** Actors of a kind in a partition that are not closed, as far as written. */
  async openIn(partition: number, kind: string): Promise<Address[]> {
    const prefix = rows("o", partition);
    const found: Address[] = [];
    for await (const key of this.#db.keys({ gte: `${prefix}${kind}/`, lt: `${prefix}${kind}/~` })) {
      found.push(parseAddress(key.slice(prefix.length)));
    }
    return found;
  }

  /**
   * Notes that a node runs. Where the last one did not stop cleanly, what it left has to be folded with care: with all care when it
   * had not even come through what was left to itself, since then that may be what ends it.
   */
  async markRunning(): Promise<Careful> {
    const last = this.#db.getSync("m!running");
    await this.#db.put("m!running", STARTING, { sync: true } as object);
    if (last !== undefined) return last === CAME_THROUGH ? "unproven" : "all";
    await this.clearAttempts();
    return false;
  }

  /** The node has folded all that its predecessor left to it. */
  async markThrough(): Promise<void> {
    if (this.#db.getSync("m!running") === STARTING) await this.#db.put("m!running", CAME_THROUGH);
  }

  async markStopped(): Promise<void> {
    await this.clearAttempts();
    await this.#db.del("m!running");
  }

  /**
   * Counts an attempt at a record before it is made, so that a crash of the process cannot hide it. The system has it then, which
   * outlives the process; a power cut may take the count back, and is nothing that a record is to blame for.
   */
  async countAttempt(recordId: string): Promise<number> {
    const n = Number(this.#db.getSync(`a!${recordId}`) ?? 0) + 1;
    await this.#db.put(`a!${recordId}`, String(n));
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
