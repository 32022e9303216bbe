/** What a node under test is told, and the places that its process and the run both know. */
import { join } from "node:path";
import type { Protection } from "./faults.ts";
import type { SystemAddresses } from "./systems.ts";

export interface NodeSettings {
  /** Everything of this node lies here. */
  readonly dir: string;
  /** Where the workspace's key lies. */
  readonly keysDir: string;
  /** Of its channel. */
  readonly port: number;
  readonly nats: {
    readonly url: string | readonly string[];
    readonly user?: string;
    readonly pass?: string;
  };
  readonly workspace: string;
  readonly partitions: number;
  readonly duplicateWindowMs: number;
  /** Copies of the log and of the buckets. */
  readonly replicas: number;
  /** Where several nodes share the conversations. */
  readonly cluster?: { readonly node: string; readonly ttlMs: number };
  readonly systems: SystemAddresses;
  /** What it does without. */
  readonly broken?: Protection;
}

export interface NodePaths {
  /** A file system of its own may be here, to be filled up. */
  readonly disk: string;
  /** LevelDB. */
  readonly store: string;
  readonly log: string;
  /** While this is there the node does not start. */
  readonly hold: string;
  /** How far its clock is off, ms. */
  readonly clock: string;
  /** Keys of the writes that were begun at a system which can't be asked. */
  readonly writes: string;
}

export function nodePaths(dir: string): NodePaths {
  const disk = join(dir, "disk");
  return {
    disk,
    store: join(disk, "engine"),
    log: join(dir, "node.log"),
    hold: join(dir, "hold"),
    clock: join(dir, "clock"),
    writes: join(dir, "writes"),
  };
}
