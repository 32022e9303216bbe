/** Frozen replay of recordings. */
export { Crew } from "./crew.ts";
export type { Forked, ForkOptions, LiveCall } from "./fork.ts";
export { callsOf } from "./frozen.ts";
export { playKilled } from "./killed.ts";
export type { FrozenDivergence, FrozenOptions, FrozenResult } from "./result.ts";
export { FrozenDesk, type FrozenDeskOptions } from "./stage.ts";
export { type SeenStep, stepsOf } from "./steps.ts";
export { stepsHtml } from "./steps-html.ts";
