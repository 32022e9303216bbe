/** Logs, metrics and traces. */
export * from "./log.ts";
export * from "./metrics.ts";
export { maskText, redact } from "./redact.ts";
export * from "./trace.ts";
