/** Supervision: trees of children, breakers before downstream systems, the watchdog above the process. */
export { type Backoff, type BackoffOptions, exponentialBackoff } from "./backoff.ts";
export * from "./breaker.ts";
export { type CellRestartPolicy, cellRestartPolicy } from "./cell-policy.ts";
export {
  ChildCancelledError,
  type ChildContext,
  type ChildHandle,
  type ChildSpec,
  type ChildState,
  type ChildStatus,
  ChildTimeoutError,
  type RestartType,
} from "./child.ts";
export { type IntensityOptions, RestartIntensity } from "./intensity.ts";
export * from "./supervisor.ts";
export { runWatchdog, type WatchdogEvent, type WatchdogOptions } from "./watchdog.ts";
export { type JoinOptions, joinWatchdog, type WatchdogLink } from "./watchdog-child.ts";
