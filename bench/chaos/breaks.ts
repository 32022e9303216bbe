/**
 * Switches one protection off, in the process of a node under test alone, so that one sees whether the checker notices.
 * It is done from outside: what is handed to the node is wrapped, or a method is replaced. The product has no such switch.
 */
import { createHash } from "node:crypto";
import { Coordinator } from "../../runtime/cluster/index.ts";
import { CellStore } from "../../runtime/host/cell-store.ts";
import type { RestartPolicy } from "../../runtime/host/host.ts";
import { Appender } from "../../runtime/log/appender.ts";
import { RecordIndex } from "../../runtime/log/record-index.ts";
import type { KeyRing, Sealer } from "../../runtime/log/sealer.ts";
import type { Protection } from "./faults.ts";

export interface Breakable {
  readonly keys: KeyRing;
  readonly policy: RestartPolicy;
  /** Whether a system that honours no keys is asked before something is done there. */
  readonly asksFirst: boolean;
}

export function withBroken(what: Protection | undefined, parts: Breakable): Breakable {
  switch (what) {
    case undefined:
      return parts;
    case "dedupe":
      takeEveryOccurrence();
      return parts;
    case "position":
      leaveSnapshotsOut();
      return parts;
    case "lease":
      keepWhatIsLost();
      return parts;
    case "fence":
      takeOverWithoutFence();
      return parts;
    case "timer":
      forgetTimers();
      return parts;
    case "ask":
      return { ...parts, asksFirst: false };
    case "seal":
      return { ...parts, keys: unsealed(parts.keys) };
    case "quarantine":
      return { ...parts, policy: { ...parts.policy, maxAttempts: Number.POSITIVE_INFINITY } };
  }
}

/** Every occurrence of an id counts, not only the first. */
function takeEveryOccurrence(): void {
  const { note } = RecordIndex.prototype;
  RecordIndex.prototype.note = function (this: RecordIndex, ...args) {
    note.apply(this, args);
    return true;
  };
}

/** Positions go ahead without the snapshots that would cover what lies behind them. */
function leaveSnapshotsOut(): void {
  const { write } = CellStore.prototype;
  CellStore.prototype.write = function (this: CellStore, _cells, positions) {
    return write.call(this, [], positions);
  };
}

/** An owner does not look at its lease: it writes, asks and folds on, until it is given the partition again. */
function keepWhatIsLost(): void {
  const { start } = Coordinator;
  Coordinator.start = (options) => {
    const kept = new Set<number>();
    return start.call(Coordinator, {
      ...options,
      onRelease: async (partition, reason) => {
        if (reason === "lost") kept.add(partition);
        else await options.onRelease(partition, reason);
      },
      onAcquire: async (partition, epoch) => {
        // One node has a partition only once, with its lease or without.
        if (kept.delete(partition)) await options.onRelease(partition, "lost");
        await options.onAcquire(partition, epoch);
      },
    });
  };
  Coordinator.prototype.holds = () => true;
}

/** Whoever takes a partition over leaves no mark of it in the log, and goes on from what he knows of the log. */
function takeOverWithoutFence(): void {
  let index: RecordIndex | undefined;
  const { follow } = RecordIndex.prototype;
  RecordIndex.prototype.follow = function (this: RecordIndex, ...args) {
    index = this;
    return follow.apply(this, args);
  };
  const { append } = Appender.prototype;
  Appender.prototype.append = function (this: Appender, envelope, may) {
    if (envelope.type !== "host.fence") return append.call(this, envelope, may);
    return Promise.resolve({ seq: index?.complete ?? 0, duplicate: false });
  };
}

/** Timers are lost when an actor is restored, as XState loses them. */
function forgetTimers(): void {
  const { load, waiting } = CellStore.prototype;
  CellStore.prototype.load = async function (this: CellStore, ...args) {
    const state = await load.apply(this, args);
    return state && { ...state, machine: { ...state.machine, timers: [] } };
  };
  CellStore.prototype.waiting = async function* (this: CellStore, partition) {
    for await (const { to, waiting: open } of waiting.call(this, partition))
      yield { to, waiting: { ...open, timers: [] } };
  };
}

/** What is sealed stays readable for everybody. */
function unsealed(keys: KeyRing): KeyRing {
  const open: Sealer = {
    seal: (plain) => Buffer.from(plain),
    open: (sealed) => Buffer.from(sealed),
    name: (plain) => createHash("sha256").update(plain).digest("base64url"),
  };
  return {
    cached: (key) => (keys.cached(key) ? open : undefined),
    sealer: async (key, options) => ((await keys.sealer(key, options)) ? open : undefined),
    wrapUnder: (key, parent) => keys.wrapUnder(key, parent),
    destroy: (key) => keys.destroy(key),
    isDestroyed: (key) => keys.isDestroyed(key),
    under: (key) => keys.under(key),
    keyedHash: (purpose, value) => keys.keyedHash(purpose, value),
  };
}
