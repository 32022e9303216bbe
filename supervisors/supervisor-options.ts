/** What a supervisor is told, and what it tells. */
import type { Backoff } from "./backoff.ts";
import type { ChildStatus } from "./child.ts";
import type { ChildSpec, ChildTemplate } from "./child-spec.ts";
import { SupervisorError } from "./errors.ts";
import type { IntensityOptions, RestartLimits } from "./intensity.ts";

const STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"] as const;

/**
 * What is restarted. `one_for_one`: the failed child alone. `one_for_all`: every child. `rest_for_one`: the failed child
 * and those that were started after it. `simple_one_for_one`: the failed child alone; that of a DynamicSupervisor.
 */
export type Strategy = (typeof STRATEGIES)[number] | "simple_one_for_one";

export interface CommonOptions {
  readonly name: string;
  readonly intensity?: IntensityOptions;
  /** Wait before a restart by its number within the period. Default: from 100 ms, doubled up to 5 s, with jitter. */
  readonly backoff?: Backoff;
  readonly onEvent?: (event: SupervisorEvent) => void;
}

export interface SupervisorOptions extends CommonOptions {
  /** Default `one_for_one`. */
  readonly strategy?: (typeof STRATEGIES)[number];
  /** A function is called at each start, and may say that there is nothing to supervise. */
  readonly children?: readonly ChildSpec[] | (() => readonly ChildSpec[] | "ignore");
}

/** @typeParam A what a child is started with */
export interface DynamicSupervisorOptions<A> extends CommonOptions {
  readonly template: ChildTemplate<A>;
}

/** What is not named stays as it is. */
export interface SupervisorChange {
  readonly intensity?: RestartLimits;
  readonly children?: readonly ChildSpec[];
}

/** What is not named stays as it is. */
export interface DynamicSupervisorChange<A> {
  readonly intensity?: RestartLimits;
  readonly template?: ChildTemplate<A>;
}

export interface SupervisorEvent {
  readonly supervisor: string;
  readonly child?: string;
  readonly type:
    | "started"
    | "ignored"
    | "failed"
    | "finished"
    | "restarting"
    | "stopped"
    | "killed"
    | "escalated";
  readonly error?: Error;
  /** Of `restarting`: the wait before it. */
  readonly waitMs?: number;
}

export interface SupervisorStatus {
  readonly name: string;
  readonly strategy: Strategy;
  readonly state: "idle" | "running" | "stopping" | "stopped" | "failed";
  /** In the order in which they start. */
  readonly children: readonly ChildStatus[];
}

/** What `startChild` and `restartChild` resolve to. */
export interface StartedChild {
  readonly id: string;
  /** False when its start said `ignore`. */
  readonly runs: boolean;
  /** As the child handed it over. */
  readonly info?: unknown;
}

/** The strategy, or the default. @throws SupervisorError `invalid_options` */
export function checkStrategy({ name, strategy = "one_for_one" }: SupervisorOptions): Strategy {
  if (STRATEGIES.includes(strategy)) return strategy;
  throw new SupervisorError("invalid_options", `${name}: strategy is one of ${STRATEGIES.join(", ")}`);
}
