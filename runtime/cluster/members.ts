/**
 * Which nodes there are. Each has one session under its name, renewed for as long as it lives; a session that was left or
 * judged to have lapsed has ended for good. Every node folds the same writes in the same order, so that all come to the
 * same members.
 *
 * The server tells no expiry, so each node judges the others by its own monotonic clock: a session whose revision has not
 * changed for its time to live and the skew, counted from when this node *first saw* it, is overwritten as lapsed,
 * expecting that revision. Its owner counts from when it *sent* the renewal, earlier than anybody can have seen it, and
 * so has stopped believing before.
 */
import type { Kv, KvEntry } from "../bus/bus.ts";
import { KvConflictError } from "../bus/errors.ts";
import type { Clock } from "../clock.ts";
import type { JsonObject } from "../json.ts";
import { decodeSession, encode, hasEnded, nodeKey, nodeOfKey, type SessionRecord } from "./records.ts";
import type { Timings } from "./timings.ts";
import { View } from "./view.ts";
import { Alarm, Bell } from "./waiting.ts";

/** A living node. */
export interface Member {
  readonly node: string;
  readonly state: "live" | "draining";
  readonly info: JsonObject;
  /** Wall clock, ms: when it joined. */
  readonly since: number;
}

export interface SeenSession {
  /** Undefined for what this release can't read: neither living nor ended. */
  readonly record: SessionRecord | undefined;
  readonly revision: number;
  /** Monotonic clock, ms: when this node first saw the revision. */
  readonly seenAt: number;
}

export interface MembersOptions {
  readonly clock: Clock;
  readonly timings: Required<Timings>;
  /** A node's session was written. */
  readonly onSession: (node: string, seen: SeenSession) => void;
  /** Nodes came, went or drain; not told of renewals. */
  readonly onChange: () => void;
  readonly onError: (what: string, error: unknown) => void;
  /**
   * Whether this node may judge that one now. While it has no session it knows nothing of the others' silence: where it
   * could not renew, they could not either. Only a stranger who has its name is in its way.
   */
  readonly mayJudge: (node: string, record: SessionRecord) => boolean;
}

export class Members {
  readonly view: View;
  readonly #kv: Kv;
  readonly #o: MembersOptions;
  readonly #sessions = new Map<string, SeenSession>();
  readonly #alarm = new Alarm(() => this.#judge());
  readonly #judging = new Set<string>();
  readonly #written = new Bell();
  readonly #stopped = new AbortController();

  constructor(kv: Kv, options: MembersOptions) {
    this.#kv = kv;
    this.#o = options;
    const { heartbeatMs, attemptMs } = options.timings;
    this.view = new View(kv, {
      heartbeatMs,
      timeoutMs: attemptMs * 3,
      onAll: (entries) => this.#all(entries),
      onEntry: (entry) => this.#entry(entry),
    });
  }

  stop(): void {
    this.#stopped.abort();
    this.view.stop();
    this.#alarm.clear();
  }

  session(node: string): SeenSession | undefined {
    return this.#sessions.get(node);
  }

  /** Living nodes, by name. */
  list(): Member[] {
    const members: Member[] = [];
    for (const [node, { record }] of this.#sessions) {
      if (record && !hasEnded(record.state)) {
        const { state, info, since } = record;
        members.push({ node, state: state === "live" ? "live" : "draining", info, since });
      }
    }
    return members.sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  /**
   * Whether a node's session is known to have ended. `at`: revision under which it began; what was seen before it says
   * nothing.
   */
  ended(node: string, session: string, at: number): boolean {
    const seen = this.#sessions.get(node);
    if (this.view.position < at && (seen?.revision ?? 0) < at) return false;
    if (!seen) return true;
    if (!seen.record) return false;
    return seen.record.id !== session || hasEnded(seen.record.state);
  }

  /** Counts everybody's silence from now on: this node has just joined, and what it saw before may be old. */
  touch(): void {
    const now = this.#o.clock.monotonic();
    for (const [node, seen] of this.#sessions) this.#sessions.set(node, { ...seen, seenAt: now });
    this.#schedule();
  }

  /** Waits until a session was written, at most `ms`. */
  async changed(ms: number): Promise<void> {
    await this.#written.heard(ms, this.#stopped.signal);
  }

  #all(entries: readonly KvEntry[]): void {
    const before = new Map(this.#sessions);
    this.#sessions.clear();
    for (const entry of entries) {
      const node = nodeOfKey(entry.key);
      if (node === undefined) continue;
      const old = before.get(node);
      this.#sessions.set(node, old?.revision === entry.revision ? old : this.#see(entry));
      this.#o.onSession(node, this.#sessions.get(node)!);
    }
    this.#o.onChange();
    this.#schedule();
    this.#written.ring();
  }

  #entry(entry: KvEntry): void {
    const node = nodeOfKey(entry.key);
    if (node === undefined) return;
    const before = this.#sessions.get(node)?.record;
    const seen = this.#see(entry);
    this.#sessions.set(node, seen);
    this.#o.onSession(node, seen);
    const renewed = before && before.id === seen.record?.id && before.state === seen.record.state;
    if (!renewed) this.#o.onChange();
    this.#schedule();
    this.#written.ring();
  }

  #see({ value, revision }: KvEntry): SeenSession {
    return { record: decodeSession(value), revision, seenAt: this.#o.clock.monotonic() };
  }

  /** Ms until a session may be judged; undefined for one that may not, or need not be. */
  #left(node: string, { record, seenAt }: SeenSession): number | undefined {
    if (!record || hasEnded(record.state) || this.#judging.has(node)) return undefined;
    if (!this.#o.mayJudge(node, record)) return undefined;
    return seenAt + record.ttlMs + this.#o.timings.skewMs - this.#o.clock.monotonic();
  }

  #schedule(): void {
    if (this.#stopped.signal.aborted) return;
    let next = Number.POSITIVE_INFINITY;
    for (const [node, seen] of this.#sessions) next = Math.min(next, this.#left(node, seen) ?? next);
    if (Number.isFinite(next)) this.#alarm.set(next);
    else this.#alarm.clear();
  }

  #judge(): void {
    for (const [node, seen] of this.#sessions) {
      const left = this.#left(node, seen);
      if (left !== undefined && left <= 0) void this.#lapse(node, seen);
    }
    this.#schedule();
  }

  async #lapse(node: string, { record, revision }: SeenSession): Promise<void> {
    this.#judging.add(node);
    const key = nodeKey(node);
    const value = encode({ ...record!, state: "lapsed" });
    try {
      this.view.note({ key, value, revision: await this.#kv.update(key, value, revision) });
    } catch (error) {
      if (!(error instanceof KvConflictError)) this.#o.onError(`node ${node} could not be judged`, error);
      await this.#lookAgain(key, value).catch(() => {});
      if (this.#stopped.signal.aborted) return;
      await this.changed(this.#o.timings.retryMs);
    } finally {
      this.#judging.delete(node);
      this.#schedule();
    }
  }

  /** It was renewed or judged by another meanwhile, or is gone: then nobody can renew it, and all shall know. */
  async #lookAgain(key: string, lapsed: Uint8Array): Promise<void> {
    if (await this.view.refresh(key)) return;
    this.view.note({ key, value: lapsed, revision: await this.#kv.create(key, lapsed) });
  }
}
