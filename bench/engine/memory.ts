/** What an actor of XState takes by itself, with the machine and the context that the engine is measured with. */
import { type RawActor, startRawActor } from "../../runtime/host/raw-actor.ts";
import { messageMachine } from "./message-machine.ts";
import { conversation } from "./place.ts";

/** Bytes of one actor that has folded a message. */
export function rawActors(actors: number, memory: () => number): number {
  // The first ones load code and shape objects.
  make(100);
  const before = memory();
  const kept = make(actors);
  const bytes = (memory() - before) / actors;
  for (const actor of kept) actor.stop();
  return bytes;
}

function make(actors: number): RawActor[] {
  const at = 0;
  return Array.from({ length: actors }, (_, n) => {
    const to = conversation(n);
    const actor = startRawActor(messageMachine, { address: to, startedAt: at });
    const event = { type: "known", id: to.id, at, from: to, data: { text: `message ${n}` } };
    actor.send(event);
    return actor;
  });
}
