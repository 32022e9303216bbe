/** How a kind of durable actor is declared to the host. */
import type { AnyStateMachine } from "xstate";
import type { Address } from "../address.ts";
import type { JsonObject } from "../json.ts";

export interface ActorDefinition {
  readonly kind: string;
  /** Version of the machine; a snapshot of another version is not used. */
  readonly version: number;
  /** The machine; its input is an `ActorInput`, its events are `ActorEvent`s, its emitted events are `Effect`s. */
  readonly machine: AnyStateMachine;
  /** What others may see of the state, with the contexts of the machine's children by id: `read(address)` answers it. */
  readonly view?: (context: any, value: unknown, children: Readonly<Record<string, any>>) => JsonObject;
  /** Whether the actor is done with and may be passivated at once. */
  readonly closed?: (context: any, value: unknown) => boolean;
  /**
   * What becomes of a delayed event whose deadline passed while nobody was there to fire it: by default it fires, however
   * late; `skip` takes it away as if the machine had cancelled it. Asked when it is due; what it says is on the record.
   * @param timer `<path of the actor that set it>|<id of the delayed event>`
   * @param lateMs how long ago its deadline was, ms
   */
  readonly late?: (timer: string, lateMs: number) => "fire" | "skip";
  /**
   * Whether records of a kind that nothing folds (a sink such as `channel`) are just kept. Sinks have no machine state;
   * their records are handed to the live feed in log order.
   */
  readonly sink?: boolean;
}

/**
 * Sent to an actor when one of its records was given up on (quarantined). A machine that talks to a customer answers it
 * by handing over to a person.
 */
export const QUARANTINED = "host.quarantined";

export interface ActorView {
  readonly address: Address;
  /** Sequence of the last folded record. */
  readonly seq: number;
  readonly value: unknown;
  readonly view: JsonObject;
}
