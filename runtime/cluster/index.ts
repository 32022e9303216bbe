/** The cluster: which nodes there are, and which of them owns which partition. */
export { Coordinator } from "./coordinator.ts";
export type { CoordinatorOptions, PartitionOwner } from "./coordinator-options.ts";
export { ClusterTimeoutError, NodeNameTakenError, PartitionCountError } from "./errors.ts";
export type { Member } from "./members.ts";
export { placementOf, placementOfAll } from "./placement.ts";
export type { ReleaseReason } from "./tenure.ts";
export type { Timings } from "./timings.ts";
