/** The agents of the desk. */
export * from "./conversation/index.ts";
export * from "./customer/index.ts";
export {
  type ActorSettings,
  actorDefinitions,
  type DeskActors,
  orchestratorAddress,
  RECORD_SYSTEMS,
} from "./definitions.ts";
export * from "./handoff/index.ts";
export * from "./orchestrator/index.ts";
export * from "./task/index.ts";
