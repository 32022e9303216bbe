/** What the faults of a run have in common: what they may touch, and what they note for the checker. */
import { Random } from "../../rehydration/random/random.ts";
import type { Fault } from "../faults.ts";
import type { ForeignRecord, Poison } from "../history.ts";
import type { Load } from "../load.ts";
import type { Site } from "../site.ts";
import type { WatchedNode } from "../watched-node.ts";

/** What was done to a run that its checker has to know. */
export interface Notes {
  readonly poisons: Poison[];
  readonly foreign: ForeignRecord[];
  readonly refused: string[];
}

export interface Injection {
  readonly fault: Fault;
  readonly site: Site;
  /** The node that it meets. */
  readonly node: WatchedNode;
  readonly load: Load;
  readonly notes: Notes;
  readonly random: Random;
}

/** Does a fault. Answers when it is over: from then on everything has to come right. */
export type Inject = (injection: Injection) => Promise<Done>;

export interface Done {
  /** ms since the epoch. */
  readonly endedAt: number;
  /** How it was done, where that depends on the machine. */
  readonly how?: string;
}

export function injectionOf(fault: Fault, site: Site, load: Load, notes: Notes): Injection {
  const random = new Random(fault.seed);
  return { fault, site, node: random.pick(site.nodes), load, notes, random };
}
