/** The cells in memory, and how one comes to be there. */
import { type Address, formatAddress } from "../address.ts";
import { UnavailableError } from "../engine.ts";
import type { StoredRecord } from "../envelope.ts";
import { BodyLostError } from "../log/bodies.ts";
import { Activation, RefoldError } from "./activation.ts";
import type { Asks } from "./asks.ts";
import { Cell } from "./cell.ts";
import type { OpenAsk } from "./cell-store.ts";
import type { ActorDefinition } from "./definition.ts";
import type { GivingUp } from "./giving-up.ts";
import { type HostParts, sleep } from "./host-options.ts";
import type { Migrations } from "./migrations.ts";
import { answerId } from "./outbox.ts";
import type { Partition } from "./partition.ts";
import { SKIPPED } from "./quarantine.ts";
import type { TimerQueue } from "./timer-queue.ts";

export interface CellsParts extends HostParts {
  readonly partitions: ReadonlyMap<number, Partition>;
  readonly timers: TimerQueue;
  readonly asks: Asks;
  readonly givingUp: GivingUp;
  readonly migrations: Migrations;
  /** Has the records that wait in a cell worked off. */
  readonly work: (cell: Cell) => void;
}

const LOOK_AGAIN_MS = 1;

export class Cells {
  readonly all = new Map<string, Cell>();
  readonly activation: Activation;
  readonly #p: CellsParts;
  readonly #definitions: ReadonlyMap<string, ActorDefinition>;

  constructor(parts: CellsParts) {
    this.#p = parts;
    this.#definitions = new Map(parts.definitions.map((d) => [d.kind, d]));
    this.activation = new Activation({
      ...parts,
      isSkipped: (record) => record.type === SKIPPED || parts.givingUp.isQuarantined(record),
      onDamage: (actor, reason) =>
        parts.log.error("a snapshot is damaged, the log is read instead", { actor, reason }),
      onRolledBack: (actor, from, to) =>
        parts.log.error("an actor goes on in the version that it was in before a later release", {
          actor,
          from,
          to,
        }),
    });
  }

  definition(kind: string): ActorDefinition | undefined {
    return this.#definitions.get(kind);
  }

  partitionOf(to: Address): Partition | undefined {
    return this.#p.partitions.get(this.#p.appender.partitionOf(to));
  }

  /** The cell of an actor, in memory or to be brought there. */
  of(to: Address, definition: ActorDefinition): Cell {
    const name = formatAddress(to);
    let cell = this.all.get(name);
    if (!cell) {
      cell = new Cell(to, definition);
      this.all.set(name, cell);
    }
    cell.usedAt = this.#p.clock.monotonic();
    return cell;
  }

  /**
   * The cell of an actor, in memory. Undefined for what is no actor, or no actor any more.
   * @throws UnavailableError when it takes longer than `patienceMs`, or belongs to another node; LeftLogError
   */
  async active(to: Address, patienceMs = Number.POSITIVE_INFINITY): Promise<Cell | undefined> {
    const definition = this.definition(to.kind);
    if (!definition || definition.sink) return undefined;
    if (!(await this.hasKey(to))) {
      this.erase(to);
      return undefined;
    }
    const end = performance.now() + patienceMs;
    for (;;) {
      const partition = this.partitionOf(to);
      if (!partition) throw new UnavailableError("it is moving to another node: try again", 1_000);
      const cell = this.of(to, definition);
      const mayLeave = cell.exists && cell.extent.base < partition.floor;
      if (cell.active && !mayLeave) return cell;
      if (!cell.running) {
        cell.running = true;
        try {
          await this.activate(cell);
        } finally {
          cell.running = false;
          this.#p.work(cell);
        }
      } else if (performance.now() > end) {
        throw new UnavailableError(`${cell.name} is being brought into memory: try again`, 1_000);
      } else await sleep(LOOK_AGAIN_MS);
    }
  }

  /** False when the data subject was erased, or never was. */
  async hasKey({ key }: Address): Promise<boolean> {
    return (this.#p.keys.cached(key) ?? (await this.#p.keys.sealer(key))) !== undefined;
  }

  /** Nothing of an erased data subject stays in memory, and nothing is done for it any more. */
  erase(to: Address): void {
    const name = formatAddress(to);
    this.#p.timers.set(name, []);
    const cell = this.all.get(name);
    if (!cell || cell.running || cell.mailbox.length > 0) return;
    this.all.delete(name);
    this.#p.store
      .forget(to)
      .catch((error) => this.#p.log.warn("an erased actor was not forgotten", { error: String(error) }));
  }

  /** Lets go of the cells of a partition as they are. */
  drop(number: number): void {
    for (const cell of this.all.values()) {
      if (this.#p.appender.partitionOf(cell.to) !== number) continue;
      cell.gone = true;
      this.all.delete(cell.name);
    }
  }

  isAnswered(askId: string): boolean {
    return this.#p.index.firstSeq(answerId(askId)) !== undefined;
  }

  /** Notes in an ask whether it is repeatable: what it was when it was asked counts. */
  isRepeatable(ask: OpenAsk): boolean {
    ask.read ??= this.#p.dispatcher.isRepeatable(ask.service, ask.operation);
    return ask.read;
  }

  /** A record that waits for an actor; undefined when nobody can read it. */
  async read(cell: Cell, seq: number): Promise<StoredRecord | undefined> {
    try {
      return await this.activation.read(cell, seq);
    } catch (error) {
      await this.#giveUp(cell, error);
      return undefined;
    }
  }

  /** It would never come into memory again: what it can't fold any more is given up. @throws what is no RefoldError */
  async #giveUp(cell: Cell, error: unknown): Promise<void> {
    if (!(error instanceof RefoldError)) throw error;
    const { seq, type } = error.record;
    const reason = error.cause instanceof BodyLostError ? { error: error.cause.message } : {};
    const details = { actor: cell.name, seq, type, ...reason };
    this.#p.log.error("an actor can't fold what it folded before", details);
    await this.#p.givingUp.quarantine(error.record, error.cause, 1);
  }

  /** Brings a cell up to its first waiting record; beyond what was handed over, records come through the mailbox. */
  async activate(cell: Cell): Promise<void> {
    const partition = this.partitionOf(cell.to);
    const before = (): number =>
      Math.min(
        cell.mailbox[0]?.record.seq ?? cell.surplus?.next ?? Number.POSITIVE_INFINITY,
        partition?.next ?? Number.POSITIVE_INFINITY,
      );
    const floor = (): number => partition?.floor ?? 1;
    for (;;) {
      const from = floor();
      let failed: unknown;
      try {
        await this.activation.activate(cell, before, from, partition?.tenure.head ?? 0);
      } catch (error) {
        failed = error;
      }
      // What was read may have left in the middle of it: then it is not the whole actor.
      if (floor() > from) continue;
      if (failed === undefined) break;
      await this.#giveUp(cell, failed);
    }
    if (cell.gone || !partition) return;
    cell.refused = false;
    if (this.#p.migrations.isDue(cell)) await this.#p.migrations.settle(cell, partition);
    if (cell.gone) return;
    if (cell.exists) this.#p.timers.set(cell.name, cell.timers);
    for (const ask of cell.asks) {
      if (this.#p.asks.has(ask) || this.isAnswered(ask.id)) continue;
      const seq = this.#p.index.firstSeq(ask.id);
      if (seq !== undefined)
        this.#p.asks.dispatch(partition, cell.to, ask, true, seq < partition.tenure.since);
      else if (this.isRepeatable(ask)) this.#p.asks.dispatch(partition, cell.to, ask, false);
    }
  }
}
