/** Brings actors into memory: from their snapshot, else from the log, and what the log has beyond it. */
import { formatAddress } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import type { StoredRecord } from "../envelope.ts";
import { readRecord } from "../log/read.ts";
import type { RecordIndex } from "../log/record-index.ts";
import type { KeyRing } from "../log/sealer.ts";
import type { Cell } from "./cell.ts";
import type { CellStore } from "./cell-store.ts";
import { stateHash } from "./state-hash.ts";

export interface ActivationParts {
  readonly bus: Bus;
  readonly stream: string;
  readonly index: RecordIndex;
  readonly store: CellStore;
  readonly keys: KeyRing;
  /** Whether a record was given up on, so that every fold passes over it. */
  readonly isSkipped: (record: StoredRecord) => boolean;
  readonly onDamage: (actor: string, reason: string) => void;
}

/** A snapshot is not what was written: its state has another hash than the one that it carries. */
class AlteredError extends Error {
  override readonly name = "AlteredError";
}

/** A record that was folded once can't be folded any more: the machine was changed. */
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

export class Activation {
  readonly #p: ActivationParts;

  constructor(parts: ActivationParts) {
    this.#p = parts;
  }

  /**
   * Brings a cell to its state before record `before`, or later where a snapshot is later.
   * @throws RefoldError; whatever the log says when it can't be read.
   */
  async activate(cell: Cell, before: () => number): Promise<void> {
    cell.reset();
    const state = await this.#p.store.load(cell.to, (reason) => this.#p.onDamage(cell.name, reason));
    if (state && state.version === cell.definition.version) {
      try {
        if (stateHash(state.machine) !== state.hash) throw new AlteredError();
        cell.restore(state);
      } catch (error) {
        cell.reset();
        this.#p.onDamage(cell.name, (error as Error).name);
      }
    }
    await this.fold(cell, before());
    cell.active = true;
  }

  /** Folds what the log has between the cell's state and `before`; what it led to is in the log already. */
  async fold(cell: Cell, before: number): Promise<void> {
    const seqs = (await this.#p.index.ofActor(cell.to, cell.seq)).filter((seq) => seq < before);
    for (let i = 0; i < seqs.length; i += READ_AT_ONCE) {
      const part = seqs.slice(i, i + READ_AT_ONCE);
      const records = await Promise.all(part.map((seq) => this.read(cell, seq)));
      for (const [n, record] of records.entries()) {
        if (!record || this.#p.isSkipped(record)) {
          cell.skip(part[n]!);
          continue;
        }
        try {
          cell.fold(record);
        } catch (error) {
          throw new RefoldError(record, error);
        }
      }
    }
  }

  /** A record of an actor; undefined when nobody can read it, or when it is somebody else's. */
  async read(cell: Cell, seq: number): Promise<StoredRecord | undefined> {
    const { bus, stream, keys } = this.#p;
    const record = await readRecord(bus, stream, seq, keys);
    return record && formatAddress(record.to) === cell.name ? record : undefined;
  }
}
