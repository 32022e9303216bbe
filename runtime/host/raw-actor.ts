/** A machine as XState alone runs it, without what a cell adds: for benches that hold one against the other. */
import { type AnyStateMachine, createActor } from "xstate";
import type { ActorInput } from "./machine.ts";

export interface RawActor {
  send(event: { readonly type: string }): void;
  stop(): void;
}

/** Started, and with an observer of errors, as each cell's. */
export function startRawActor(machine: AnyStateMachine, input: ActorInput): RawActor {
  const actor = createActor(machine, { input: input as never });
  actor.subscribe({ error: () => {} });
  actor.start();
  return actor;
}
