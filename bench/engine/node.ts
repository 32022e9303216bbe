/** The node that is measured, as a desk starts it but for agents that think. */
import { join } from "node:path";
import type { StoredRecord } from "../../runtime/envelope.ts";
import { Node } from "../../runtime/node.ts";
import { cellRestartPolicy } from "../../supervisors/index.ts";
import { messageDefinitions } from "./message-machine.ts";
import { type Joined, PARTITIONS, type Place, WORKSPACE } from "./place.ts";
import { turnDefinitions } from "./turn-machine.ts";
import { turnService } from "./turn-service.ts";

/** @param observe sees every record, those too that are folded while the node starts */
export function startNode(
  { dir }: Place,
  { bus, keys }: Joined,
  observe: (record: StoredRecord) => void,
): Promise<Node> {
  return Node.start({
    bus,
    keys,
    workspace: WORKSPACE,
    dir: join(dir, "engine"),
    definitions: [...messageDefinitions, ...turnDefinitions],
    services: [turnService],
    policy: cellRestartPolicy(),
    log: { warn: () => {}, error: () => {} },
    partitions: PARTITIONS,
    observers: [observe],
  });
}
