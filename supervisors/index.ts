/** Supervision: trees of children, breakers before downstream systems, the watchdog above the process. */
export { type Backoff, type BackoffOptions, exponentialBackoff } from "./backoff.ts";
export * from "./breaker.ts";
export { type CellRestartPolicy, cellRestartPolicy } from "./cell-policy.ts";
export type { ChildState, ChildStatus } from "./child.ts";
export type {
  ChildContext,
  ChildHandle,
  ChildSettings,
  ChildSpec,
  ChildStart,
  ChildTemplate,
  ChildType,
  RestartType,
} from "./child-spec.ts";
export type { ChildCounts } from "./child-table.ts";
export { DynamicSupervisor } from "./dynamic-supervisor.ts";
export * from "./errors.ts";
export { type IntensityOptions, RestartIntensity, type RestartLimits } from "./intensity.ts";
export { Supervisor } from "./supervisor.ts";
export type {
  DynamicSupervisorChange,
  DynamicSupervisorOptions,
  StartedChild,
  Strategy,
  SupervisorChange,
  SupervisorEvent,
  SupervisorOptions,
  SupervisorStatus,
} from "./supervisor-options.ts";
export { runWatchdog, type WatchdogEvent, type WatchdogOptions } from "./watchdog.ts";
export { type JoinOptions, joinWatchdog, type WatchdogLink } from "./watchdog-child.ts";
