/**
 * Switches one protection off, in the process of a node under test alone, so that one sees whether the checker notices.
 * It is done from outside: what is handed to the node is wrapped, or a method is replaced. The product has no such switch.
 */
import { CellStore } from "../../runtime/host/cell-store.ts";
import type { RestartPolicy } from "../../runtime/host/host.ts";
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
      beginAtTheEnd();
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

/** A node that starts reads from the end of the log, as an ordinary subscriber would, and not from where its snapshots end. */
function beginAtTheEnd(): void {
  let end = 0;
  const { follow } = RecordIndex.prototype;
  RecordIndex.prototype.follow = async function (this: RecordIndex, ...args) {
    await follow.apply(this, args);
    end = this.head + 1;
  };
  const { position } = CellStore.prototype;
  CellStore.prototype.position = function (this: CellStore, partition) {
    return Math.max(end, position.call(this, partition));
  };
}

/** Timers are lost when an actor is restored, as XState loses them. */
function forgetTimers(): void {
  const { load, waiting } = CellStore.prototype;
  CellStore.prototype.load = async function (this: CellStore, ...args) {
    const state = await load.apply(this, args);
    return state && { ...state, machine: { ...state.machine, timers: [] } };
  };
  CellStore.prototype.waiting = async function* (this: CellStore) {
    for await (const { to, waiting: open } of waiting.call(this))
      yield { to, waiting: { ...open, timers: [] } };
  };
}

/** What is sealed stays readable for everybody. */
function unsealed(keys: KeyRing): KeyRing {
  const open: Sealer = { seal: (plain) => Buffer.from(plain), open: (sealed) => Buffer.from(sealed) };
  return {
    cached: (key) => (keys.cached(key) ? open : undefined),
    sealer: async (key, options) => ((await keys.sealer(key, options)) ? open : undefined),
    wrapUnder: (key, parent) => keys.wrapUnder(key, parent),
    destroy: (key) => keys.destroy(key),
    keyedHash: (purpose, value) => keys.keyedHash(purpose, value),
  };
}
