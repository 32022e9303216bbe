/** Hosts over a log whose order somebody else decides, for replaying recordings. */
export { HeldLog } from "./held-log.ts";
export { natsPlace } from "./nats-place.ts";
export { ReplayHost, type ReplayHostOptions, ReplayStuckError } from "./replay-host.ts";
