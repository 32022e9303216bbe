/** A cell: one durable actor in memory, folded record by record. It knows nothing of I/O. */
import { type Address, formatAddress } from "../address.ts";
import type { StoredRecord } from "../envelope.ts";
import type { JsonObject } from "../json.ts";
import { type CellState, type Extent, isCovered, type OpenAsk } from "./cell-store.ts";
import type { ActorDefinition, ActorView, MachineVersion } from "./definition.ts";
import { LiveMachine, stateHash } from "./live-machine.ts";
import type { Effect } from "./machine.ts";
import { answerId, type Outgoing, outgoing } from "./outbox.ts";
import type { Partition } from "./partition.ts";
import { FIRST_VERSION, machineOf, UnknownVersionError } from "./versions.ts";
import { missingLogic } from "./xstate-internals.ts";

/** Types of records that the host itself writes to actors. */
export const TIMER = "host.timer";
export const ANSWER = "host.answer";

const NOWHERE: Extent = { first: 0, base: 0, folded: 0, covers: 0 };

/** A record on its way into a cell. */
export interface Delivery {
  readonly record: StoredRecord;
  readonly partition: Partition;
  /** Called once it is folded and all that it led to is acknowledged, or it was skipped. */
  readonly done: () => void;
}

/** Records that found the mailbox full and were left in the log, to be read from there when there is room. */
export interface Surplus {
  /** The first that is not done with. */
  from: number;
  /** The first that has not been read again. */
  next: number;
  last: number;
  /** Read again and not done with. */
  underWay: number;
}

export class Cell {
  readonly to: Address;
  readonly name: string;
  readonly definition: ActorDefinition;
  readonly mailbox: Delivery[] = [];
  surplus: Surplus | undefined;
  /** A delivery is being worked on. */
  running = false;
  /** Its partition is not this node's any more: nothing is done with it. */
  gone = false;
  /** Whether `live` is what the log says up to `seq`; false at first and after a crash. */
  active = false;
  /** Records of the outbox that are not acknowledged yet. */
  unacknowledged = 0;
  /** First record that no written snapshot covers. */
  dirtySince: number | undefined;
  /** Monotonic time of last use, for passivation. */
  usedAt = 0;
  seq = 0;
  /** Sequence of a checkpoint of another version, beside which the actor goes on as it is: that has to be said; 0 without one. */
  overruled = 0;
  /** It is in a version that this release does not have: its records wait. */
  refused = false;
  #machine: MachineVersion | undefined;
  #at = 0;
  #startedAt = 0;
  #extent = NOWHERE;
  /** What its fold needed when it was in memory last. */
  #needed = Number.POSITIVE_INFINITY;
  #asks = new Map<string, OpenAsk>();
  #live: LiveMachine | undefined;

  constructor(to: Address, definition: ActorDefinition) {
    this.to = to;
    this.name = formatAddress(to);
    this.definition = definition;
  }

  get asks(): readonly OpenAsk[] {
    return [...this.#asks.values()];
  }

  get exists(): boolean {
    return this.#live !== undefined;
  }

  get timers() {
    return this.#live?.timers ?? [];
  }

  get closed(): boolean {
    const live = this.#live;
    if (!live) return false;
    return live.done || (this.#machine?.closed?.(live.context, live.value) ?? false);
  }

  /** Version of its machine; the present one while it has no record. */
  get version(): number {
    return this.#machine?.version ?? this.definition.version;
  }

  /** Where in the log its state comes from. */
  get extent(): Extent {
    return this.#extent;
  }

  /** Whether anything of it has to stay in the log: it is open, or has folded something since its last checkpoint. */
  get needsLog(): boolean {
    return this.exists && !(this.closed && isCovered(this.#extent));
  }

  /**
   * First sequence that its fold needs; infinity where it needs nothing. After a crash that is what it needed before, until it
   * is back: no snapshot may say so yet.
   */
  get needs(): number {
    const base = this.needsLog ? this.#extent.base : Number.POSITIVE_INFINITY;
    return this.active ? base : Math.min(base, this.#needed);
  }

  /** Forgets everything; the next activation starts from the snapshot and the log. */
  reset(): void {
    if (this.exists)
      this.#needed = this.active ? this.#extent.base : Math.min(this.#needed, this.#extent.base);
    this.#live = undefined;
    this.#machine = undefined;
    this.overruled = 0;
    this.#asks = new Map();
    this.seq = 0;
    this.#at = 0;
    this.#startedAt = 0;
    this.#extent = NOWHERE;
    this.active = false;
  }

  /** @param extent where the state comes from, where that is not what it says itself */
  restore(state: CellState, extent = state.extent): void {
    if (state.asks.some((ask) => ask.input === undefined)) throw new TypeError("asks without what was asked");
    this.#machine = this.#runs(state.version);
    const missing = missingLogic(this.#machine.machine, state.machine.snapshot);
    if (missing !== undefined) throw UnknownVersionError.ofChild(this.name, missing);
    this.#live = LiveMachine.restore(this.#machine.machine, state.machine, this.to.id, state.at);
    this.#asks = new Map(state.asks.map((ask) => [ask.id, ask]));
    this.seq = state.seq;
    this.#at = state.at;
    this.#startedAt = state.startedAt;
    this.#extent = extent;
  }

  state(): CellState {
    const machine = this.#live!.persist();
    return {
      version: this.version,
      seq: this.seq,
      at: this.#at,
      startedAt: this.#startedAt,
      extent: this.#extent,
      asks: this.asks,
      machine,
      hash: stateHash(machine),
    };
  }

  view(): ActorView {
    const live = this.#live!;
    const view =
      this.#machine?.view?.(live.context, live.value, live.children) ?? (live.context as JsonObject);
    return { address: this.to, seq: this.seq, value: live.value, view };
  }

  /** @throws UnknownVersionError where it would begin in a version that this release does not run */
  mayFold(record: StoredRecord): void {
    if (!this.#live) this.#runs(record.machine ?? FIRST_VERSION);
  }

  #runs(version: number): MachineVersion {
    const machine = machineOf(this.definition, version);
    if (!machine) throw UnknownVersionError.ofMachine(this.name, version, this.definition);
    return machine;
  }

  /**
   * Folds one record; answers what the machine wants done. Nothing has left the cell when it throws, but the machine is
   * spoilt: `reset` and activate again.
   */
  fold(record: StoredRecord): Outgoing[] {
    const at = Math.max(this.#at, record.at);
    const effects: Effect[] = [];
    if (!this.#live) {
      this.#startedAt = at;
      const input = { address: this.to, startedAt: at };
      const point = { at, recordId: `${record.id} start` };
      this.#machine = this.#runs(record.machine ?? FIRST_VERSION);
      const started = LiveMachine.start(this.#machine.machine, input, this.to.id, point);
      this.#live = started.live;
      effects.push(...started.effects);
    }
    effects.push(...this.#apply(this.#live, record, at));
    const out = outgoing(this.to, record, at, effects);
    for (const { ask } of out) if (ask) this.#asks.set(ask.id, ask);
    this.seq = record.seq;
    this.#at = at;
    const { seq } = record;
    const { first, base, covers } = this.#extent;
    // A checkpoint that it was restored from may come after records that its state has not folded yet.
    this.#extent = { first: first || seq, base: Math.min(base || seq, seq), covers, folded: seq };
    return out;
  }

  /** A checkpoint of its own, which changes nothing but from where its fold can begin. */
  passCheckpoint({ seq, from, clear, data }: StoredRecord): void {
    const { folded, covers: before } = this.#extent;
    const covers = Number(clear.covers);
    const state = data.state as unknown as CellState | undefined;
    if (this.exists && covers <= this.seq && covers > before && from.kind === "host" && isWhole(state)) {
      // What came between its state and its place has to be folded on top of it.
      if (state.version === this.version)
        this.#extent = { ...this.#extent, covers, base: folded <= covers ? seq : covers + 1 };
      else this.overruled = seq;
    }
    this.skip(seq);
  }

  /** A record that is passed over for good. */
  skip(seq: number): void {
    this.seq = Math.max(this.seq, seq);
  }

  #apply(live: LiveMachine, record: StoredRecord, at: number): readonly Effect[] {
    if (live.done) return [];
    const point = { at, recordId: record.id };
    const { clear, data } = record;
    if (record.type === TIMER) {
      const [timer, generation] = [String(clear.timer), Number(clear.generation)];
      if (clear.skipped === true) {
        live.skip(timer, generation);
        return [];
      }
      // A cancelled or older generation ends here: XState would take a stale event of a state entered again.
      return live.fire(timer, generation, point) ?? [];
    }
    const event = { id: record.id, at, from: record.from };
    if (record.type === ANSWER) {
      const ask = this.#asks.get(String(clear.ask));
      if (!ask || record.id !== answerId(ask.id)) return [];
      this.#asks.delete(ask.id);
      const ending = clear.ok === true ? "done" : "failed";
      return live.send(freeze({ ...event, type: `${ask.name}.${ending}`, data: data.value ?? null }), point);
    }
    return live.send(freeze({ ...event, type: record.type, data: { ...clear, ...data } }), point);
  }
}

/** Whether a state is what was written: it can be gone on with. */
function isWhole(state: CellState | undefined): state is CellState {
  return state?.machine !== undefined && stateHash(state.machine) === state.hash;
}

/** Freezes an event to the bottom: a machine that writes into it fails where it does. */
function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}
