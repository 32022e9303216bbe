/** The embedded back office. */
export { DEFAULT_SEED, type Generated, type GenerateOptions, generate, seed, settle } from "./generate.ts";
export { digitsOf, lower, normalPostcode } from "./keys.ts";
export { parseReason, Refusal } from "./refusal.ts";
export {
  type Applied,
  type AuditEntry,
  BackOffice,
  BackOfficeError,
  type Reader,
  type Transaction,
} from "./store.ts";
export * from "./types.ts";
