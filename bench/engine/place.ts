/** Where an arm of the bench runs: names that its processes have to agree on. */
import { type Address, address } from "../../runtime/address.ts";
import { type Bus, connectBus, subjectsOf } from "../../runtime/bus/index.ts";
import { derivedId } from "../../runtime/ids.ts";
import { openKeyRing } from "../../runtime/log/keyring.ts";
import { plainKeys } from "../../runtime/log/plain-keys.ts";
import type { KeyRing } from "../../runtime/log/sealer.ts";

export const WORKSPACE = "bench";
export const PARTITIONS = 32;
export const SUBJECTS = subjectsOf(WORKSPACE);
export const BENCH: Address = address("bench", "bench");
/** Ids of messages whose reply is in the log, a line each; from the node to who sent them. */
export const DONE_SUBJECT = "bench.done";

/** What a process of an arm needs to take part. */
export interface Place {
  readonly url: string;
  readonly user: string;
  readonly pass: string;
  /** Holds the workspace key and the node's LevelDB. */
  readonly dir: string;
  readonly sealing: boolean;
}

export interface Joined {
  readonly bus: Bus;
  readonly keys: KeyRing;
  leave(): Promise<void>;
}

export async function join(place: Place, name: string): Promise<Joined> {
  const { url, user, pass, dir, sealing } = place;
  const bus = await connectBus({ url, user, pass, name });
  if (!sealing) return { bus, keys: plainKeys(), leave: () => bus.close() };
  const keys = await openKeyRing({ bus, workspace: WORKSPACE, dataDir: dir });
  return {
    bus,
    keys,
    leave: async () => {
      keys.close();
      await bus.close();
    },
  };
}

/** The n-th known conversation. Its name lies anywhere among the others', as that of a real one does. */
export function conversation(n: number, kind = "messages"): Address {
  const key = derivedId("bench", "conversation", n);
  return { kind, key, id: key };
}
