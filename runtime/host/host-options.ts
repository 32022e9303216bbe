/** What a host is given. */
import type { Address } from "../address.ts";
import type { Clock } from "../clock.ts";
import type { StoredRecord } from "../envelope.ts";
import type { Appender } from "../log/appender.ts";
import type { DeadLetters } from "../log/dead-letters.ts";
import type { LogSource } from "../log/read.ts";
import type { RecordIndex } from "../log/record-index.ts";
import type { Cell } from "./cell.ts";
import type { CellStore } from "./cell-store.ts";
import type { ActorDefinition } from "./definition.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { VERIFY_EVERY } from "./sampled-checks.ts";

/** What happens to a record that crashes its actor. `supervisors/cell-policy.ts` has the desk's. */
export interface RestartPolicy {
  readonly maxAttempts: number;
  /** Wait after the n-th failed attempt, n from 1, ms. */
  backoffMs(attempt: number): number;
}

export interface HostOptions {
  /** Idle time after which a cell leaves memory, ms. Default 60,000. */
  readonly passivateAfterMs?: number;
  /** Time between snapshots of what changed, ms. Default 500. */
  readonly snapshotEveryMs?: number;
  /** Records of one partition that may be under way at once. Default 512. */
  readonly maxUnderWay?: number;
  /** Records that wait in memory for one actor; its surplus is read again from the log later. Default 128. */
  readonly maxMailbox?: number;
  /** Actors in memory; above it the least used leave. Default 20,000. */
  readonly maxHotActors?: number;
  /**
   * Part of the heap that the process may have (`--max-old-space-size`); above it the least used actors leave, a tenth of them
   * at each flush. Default 0.8.
   */
  readonly maxHeapShare?: number;
  /** How long nothing can be written before the host says that it has failed, ms. Default 30,000. */
  readonly failAfterMs?: number;
  /** How long a read waits for an actor that is being brought into memory, ms. Default 5,000. */
  readonly readTimeoutMs?: number;
  /** One of so many actors that leave memory is folded again from the log and compared; 0 for none. Default 50. */
  readonly verifyEvery?: number;
  /** How long a partition that moves to another node may take to finish what is under way, ms. Default 5,000. */
  readonly releaseMs?: number;
  /** After this a record of an earlier owner that this node has not written itself is reported, ms. Default 10,000. */
  readonly disownedAfterMs?: number;
}

/** What the host tells the log of the process; never personal data. */
export interface HostLog {
  warn(message: string, details: Record<string, unknown>): void;
  error(message: string, details: Record<string, unknown>): void;
}

export interface HostParts extends LogSource {
  readonly appender: Appender;
  readonly index: RecordIndex;
  readonly store: CellStore;
  readonly dispatcher: Pick<Dispatcher, "ask" | "isRepeatable">;
  readonly deadLetters: DeadLetters;
  readonly definitions: readonly ActorDefinition[];
  /** Whether actors get checkpoints when they have closed: only where records leave the log. */
  readonly checkpoints: boolean;
  readonly clock: Clock;
  readonly policy: RestartPolicy;
  readonly log: HostLog;
  /** Called for each record of a sink, in log order within its partition; must not throw. */
  readonly onSink: (record: StoredRecord) => void;
  /** Called for each record handed over, likewise. */
  readonly onRecord: (record: StoredRecord) => void;
  /** Called when a record is done with, for admission. */
  readonly onDone: (record: { id: string; to: Address }) => void;
  /** Called for an actor that has just left memory; must not throw. */
  readonly onPassivated?: (cell: Cell) => void;
  /** Called when an actor has this many records waiting, for admission at other nodes. */
  readonly onBehind?: (to: Address, waiting: number) => void;
  /** Called once when the host can't do its work any more: it has to be started again. */
  readonly onFailure?: (error: Error) => void;
}

export const HOST_DEFAULTS: Required<HostOptions> = {
  passivateAfterMs: 60_000,
  snapshotEveryMs: 500,
  maxUnderWay: 512,
  maxMailbox: 128,
  maxHotActors: 20_000,
  maxHeapShare: 0.8,
  failAfterMs: 30_000,
  readTimeoutMs: 5_000,
  verifyEvery: VERIFY_EVERY,
  releaseMs: 5_000,
  disownedAfterMs: 10_000,
};

/** The host's own address, of what it writes to actors. */
export const HOST: Address = { kind: "host", key: "host", id: "host" };
/** Before what the log or the bus refused is tried again, ms. */
export const TRY_AGAIN_MS = 500;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
