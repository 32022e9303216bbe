/** How a kind of durable actor is declared to the host. */
import type { AnyStateMachine } from "xstate";
import type { Address } from "../address.ts";
import type { Json, JsonObject } from "../json.ts";
import type { TimerState } from "./live-machine.ts";

/** One version of the machine of a kind of actors. */
export interface MachineVersion {
  /** From 1. An actor stays on the one that was current when its first record was written (L11). */
  readonly version: number;
  /** The machine; its input is an `ActorInput`, its events are `ActorEvent`s, its emitted events are `Effect`s. */
  readonly machine: AnyStateMachine;
  /** What others may see of the state, with the contexts of the machine's children by id: `read(address)` answers it. */
  readonly view?: (context: any, value: unknown, children: Readonly<Record<string, any>>) => JsonObject;
  /** Whether the actor is done with and may be passivated at once. */
  readonly closed?: (context: any, value: unknown) => boolean;
}

/** A machine's state as a migration sees it: JSON, and free to be written into. */
export interface MachineState {
  /** As XState has it: `"idle"`, `{"open": "asking"}`. */
  value: Json;
  context: JsonObject;
  /** Children as they were persisted, by id. */
  children: JsonObject;
  /** Delayed events that are pending. */
  timers: readonly TimerState[];
}

/** How actors of a version go on in a later one. */
export interface Migration {
  readonly from: number;
  readonly to: number;
  /**
   * What the state is in the later version: it follows from the state alone, as a fold does from its records. Delayed
   * transitions (`after`) of a state that it moves the actor into are set anew unless it gives their timers; what a history
   * remembers is forgotten. It only ever sees actors that are open and wait for no answer.
   * @throws whatever says that this actor can't: it stays in its version, and the desk's log says so
   */
  migrate(state: MachineState): MachineState;
}

export interface ActorDefinition extends MachineVersion {
  readonly kind: string;
  /** Versions before the present one that this release still runs. */
  readonly earlier?: readonly MachineVersion[];
  /** Where actors of earlier versions go on. Without one they stay on theirs. */
  readonly migrations?: readonly Migration[];
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
