/** What a node is made of, and how it may be set. */
import type { Bus } from "./bus/bus.ts";
import type { Clock } from "./clock.ts";
import type { StoredRecord } from "./envelope.ts";
import type { AdmissionOptions } from "./host/admission.ts";
import type { ActorDefinition } from "./host/definition.ts";
import type { HostLog, HostOptions, RestartPolicy } from "./host/host.ts";
import type { Service } from "./host/service.ts";
import type { BodyOptions } from "./log/appender.ts";
import type { KeyRing } from "./log/sealer.ts";
import type { StreamOptions } from "./log/stream.ts";
import type { ClusterOptions } from "./partitions.ts";
import type { RetentionOptions } from "./retention.ts";

export interface NodeOptions {
  readonly bus: Bus;
  readonly keys: KeyRing;
  readonly workspace: string;
  /** Directory of this node's LevelDB, `<data-dir>/engine`. */
  readonly dir: string;
  readonly definitions: readonly ActorDefinition[];
  readonly services: readonly Service[];
  readonly policy: RestartPolicy;
  readonly log: HostLog;
  readonly clock?: Clock;
  /** Fixed when the log is created. Default 32. */
  readonly partitions?: number;
  readonly stream?: StreamOptions;
  /** From which size on bodies of records lie apart from the log, and from which on they are refused. */
  readonly body?: BodyOptions;
  readonly host?: HostOptions;
  readonly admission?: AdmissionOptions;
  /**
   * Shares the partitions with the other nodes of the same server and workspace. Without it this node owns all of them, and
   * has to be the only one.
   */
  readonly cluster?: ClusterOptions;
  /** How long records stay in the log; without it nothing leaves, and actors get no checkpoints. */
  readonly retention?: RetentionOptions;
  /** Records of one partition that are read ahead of what has been taken. Default 256. */
  readonly credit?: number;
  /** How long one append may take before it is tried again, ms. Default 3,000. */
  readonly appendTimeoutMs?: number;
  /** See every record that this node hands over, those too of which it catches up while it starts. As `observe`. */
  readonly observers?: readonly ((record: StoredRecord) => void)[];
  /** Told how far catching up with the log is. */
  readonly progress?: (done: number, all: number) => void;
  /** Called once when the node can't go on: it has to be stopped and started again. */
  readonly onFailure?: (error: Error) => void;
}
