/** How each kind of fault is done. */
import type { FaultKind } from "../faults.ts";
import { clockJump } from "./clocks.ts";
import { fullDisk, fullServerDisk, fullStream } from "./full.ts";
import type { Inject } from "./injection.ts";
import { drainNode, killNode, killServer, pauseNode, pausePastLease } from "./processes.ts";
import { largeRecord, poison } from "./records.ts";
import { corruptSnapshot, deleteStore, truncateStore } from "./stores.ts";
import { duplicates, malformedEnvelope, slowReader } from "./strangers.ts";

export const INJECT: Readonly<Record<FaultKind, Inject>> = {
  "kill-node": killNode,
  "pause-node": pauseNode,
  "pause-past-lease": pausePastLease,
  "drain-node": drainNode,
  "kill-server": killServer,
  "kill-one-server": killServer,
  "delete-store": deleteStore,
  "truncate-store": truncateStore,
  "corrupt-snapshot": corruptSnapshot,
  "full-stream": fullStream,
  "full-disk": fullDisk,
  "full-server-disk": fullServerDisk,
  "slow-reader": slowReader,
  "large-record": largeRecord,
  "malformed-envelope": malformedEnvelope,
  throw: poison("throw"),
  microsteps: poison("microsteps"),
  spin: poison("spin"),
  "emit-10000": poison("emit-10000"),
  grow: poison("grow"),
  duplicates,
  "clock-jump": clockJump,
};
