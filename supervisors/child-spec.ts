/** What a child is: how it starts and stops, and what its end means. */
import type { JsonObject } from "../runtime/json.ts";
import { SupervisorError } from "./errors.ts";

const RESTART_TYPES = ["permanent", "transient", "temporary"] as const;
const CHILD_TYPES = ["worker", "supervisor"] as const;

/** `permanent`: always restarted. `transient`: only after a failure. `temporary`: never, and forgotten when it ends. */
export type RestartType = (typeof RESTART_TYPES)[number];

export type ChildType = (typeof CHILD_TYPES)[number];

export interface ChildContext {
  /** Aborted when the child is to stop, at the latest when it has ended. */
  readonly signal: AbortSignal;
  /**
   * To be called when the child ends by itself: with an error after a failure, without one when it is done, with a
   * ShutdownError when somebody else told it to end, which is no failure either.
   */
  exited(error?: Error): void;
}

/** A child that runs. */
export interface ChildHandle {
  /** Releases everything; called for a child that failed, too. */
  stop?(): Promise<void> | void;
  /** Called when `stop` has not finished by its deadline, and instead of it under `brutal_kill`. */
  kill?(): void;
  /** What `status` shows of it. */
  which?(): JsonObject;
  /** For whoever started it: what `startChild` and `restartChild` resolve to, and `info` finds. */
  readonly info?: unknown;
}

/** What a start comes to; `ignore`: there is nothing to run, and nothing is wrong. */
export type ChildStart = ChildHandle | "ignore";

export interface ChildSpec {
  /** Unique within its supervisor. */
  readonly id: string;
  /** Resolves when the child is ready for those that start after it. */
  start(context: ChildContext): Promise<ChildStart> | ChildStart;
  /** Default `permanent`. */
  readonly restart?: RestartType;
  /** Default `worker`. */
  readonly type?: ChildType;
  /** From the call of `start` to ready, ms; after it the start has failed. Default 60,000, of a supervisor Infinity. */
  readonly startTimeoutMs?: number;
  /**
   * From the call of `stop` to stopped, ms; after it the child is killed and left. Infinity waits as long as it takes;
   * under `brutal_kill` it is killed at once. Default 10,000, of a supervisor Infinity: its children have deadlines.
   */
  readonly stopTimeoutMs?: number | "brutal_kill";
}

/** What children of a DynamicSupervisor are made from: `start` is given what `startChild` was. */
export interface ChildTemplate<A> extends Omit<ChildSpec, "id" | "start"> {
  start(context: ChildContext, argument: A): Promise<ChildStart> | ChildStart;
}

/** A spec with its defaults, without what starts the child. */
export type ChildSettings = Readonly<Required<Omit<ChildSpec, "start">>>;

/** Checks a spec or a template, and fills in its defaults. @throws SupervisorError `invalid_spec` */
export function settingsOf(spec: Omit<ChildSpec, "start"> & { readonly start: unknown }): ChildSettings {
  const refuse = (what: string) => {
    throw new SupervisorError("invalid_spec", `child ${JSON.stringify(spec?.id)}: ${what}`);
  };
  if (typeof spec?.id !== "string" || spec.id === "") refuse("it needs an id");
  if (typeof spec.start !== "function") refuse("it needs a start");
  const { id, restart = "permanent", type = "worker" } = spec;
  const {
    startTimeoutMs = type === "supervisor" ? Number.POSITIVE_INFINITY : 60_000,
    stopTimeoutMs = type === "supervisor" ? Number.POSITIVE_INFINITY : 10_000,
  } = spec;
  if (!RESTART_TYPES.includes(restart)) refuse(`restart is one of ${RESTART_TYPES.join(", ")}`);
  if (!CHILD_TYPES.includes(type)) refuse(`type is one of ${CHILD_TYPES.join(", ")}`);
  if (!(startTimeoutMs > 0)) refuse("startTimeoutMs is above 0");
  if (stopTimeoutMs !== "brutal_kill" && !(stopTimeoutMs >= 0))
    refuse("stopTimeoutMs is brutal_kill, or 0 or above");
  return { id, restart, type, startTimeoutMs, stopTimeoutMs };
}
