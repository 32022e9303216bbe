/**
 * What resident agents use of XState besides `machine.ts`: a live actor on the real clock. Its state (health, a breaker)
 * begins empty with the process and is never replayed; durable machines must not import this.
 */
export { type Actor, type ActorRefFrom, createActor } from "xstate";
