/**
 * Placement: which node a partition belongs to, by rendezvous hashing. Each node has a weight for each partition and the
 * heaviest has it, so that a node that joins takes its own share and one that leaves gives away its own, and nothing else
 * moves. The weights are part of the agreement between nodes: never change them.
 */
import { createHash } from "node:crypto";

function weight(partition: number, node: string): number {
  return createHash("sha256").update(`${partition}/${node}`).digest().readUIntBE(0, 6);
}

/** Name of the node that a partition belongs to, whatever the order of the names; undefined when there is none. */
export function placementOf(partition: number, nodes: Iterable<string>): string | undefined {
  let best: string | undefined;
  let most = -1;
  for (const node of nodes) {
    const own = weight(partition, node);
    if (own > most || (own === most && node < best!)) {
      best = node;
      most = own;
    }
  }
  return best;
}

/** Node of each partition, from 0 to `partitions` - 1. */
export function placementOfAll(partitions: number, nodes: readonly string[]): (string | undefined)[] {
  return Array.from({ length: partitions }, (_, partition) => placementOf(partition, nodes));
}
