/** Hosts over a log whose order somebody else decides, for replaying recordings. */
export { HeldLog, named } from "./held-log.ts";
export { natsPlace } from "./nats-place.ts";
export type { LogPlace } from "./place.ts";
export { ReplayHost, type ReplayHostOptions, ReplayStuckError } from "./replay-host.ts";
