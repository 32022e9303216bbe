/** What a coordinator is given. */
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { JsonObject } from "../json.ts";
import type { ReleaseReason } from "./tenure.ts";
import type { Timings } from "./timings.ts";

export interface CoordinatorOptions extends Timings {
  readonly bus: Bus;
  /** Names of two buckets of the cluster; made when missing. */
  readonly buckets: { readonly leases: string; readonly members: string };
  /** Copies of the buckets. Default 1. */
  readonly replicas?: number;
  /** Name of this node, another one for each: letters, digits, `_`, `-`, and `.` between them. */
  readonly node: string;
  /** How many partitions the cluster has, numbered from 0; fixed by the first node. */
  readonly partitions: number;
  /** What the others may know of this node, such as the address of its gateway. */
  readonly info?: JsonObject;
  /**
   * What only one process at a time can hold, and this one does: the id of a locked data directory, say. A session of this
   * name under the same holder has ended for certain, so a node that is started again after a crash need not wait for its
   * lapse. Default: nothing but this coordinator.
   */
  readonly holder?: string;
  /** Leases are about real time: a clock that is moved ahead lets them lapse. Default the system's. */
  readonly clock?: Clock;
  /**
   * A partition is ours, under an epoch that no earlier owner had. `holds` is true from before the call. When it fails, the
   * partition is released and tried again.
   */
  readonly onAcquire: (partition: number, epoch: number) => Promise<void>;
  /**
   * Let go of a partition. `moved` and `drain`: finish what is under way, `holds` stays true until this resolves. `lost`:
   * stop at once, `holds` is false already; may come while `onAcquire` is not done yet. There is one call for each
   * `onAcquire` that did not fail: what is lost while it is let go of is told by `holds` alone.
   */
  readonly onRelease: (partition: number, reason: ReleaseReason) => Promise<void>;
  /** Members or owners are others than before. */
  readonly onChange?: () => void;
  /** Told of what failed and is tried again, and of what was not done in time. */
  readonly onError?: (what: string, error: unknown) => void;
  /** Called once when this node can't take part any more: its name was taken while it was away, or the bus is closed. */
  readonly onFailure?: (error: Error) => void;
}

export interface PartitionOwner {
  readonly node: string;
  readonly epoch: number;
}
