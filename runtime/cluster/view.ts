/**
 * A bucket as this node sees it: its entries in the order in which they were written, perhaps a moment late. Decisions are
 * taken on it and made good by a write that expects the revision that was seen.
 *
 * Such a write alone proves nothing in a bucket of several copies before nats-server 2.9.21: of several that expect the
 * same revision at the same moment all are acknowledged, one after the other (nats-server issue 4320; three writers at
 * once on 2.9.10: two or more in 8 of 10 tries). So `settled` writes once more and waits until that is read back: what
 * could still have overtaken ours lies before it, and the view tells whose write was the last.
 */
import type { Kv, KvEntry, KvWatch } from "../bus/bus.ts";
import { ClusterTimeoutError } from "./errors.ts";
import { within } from "./waiting.ts";

const BARRIER = "barrier";
const NOTHING = new Uint8Array(0);

export interface ViewOptions {
  readonly heartbeatMs: number;
  /** How long `settled` waits to read back what it wrote, ms. */
  readonly timeoutMs: number;
  /** Everything anew. */
  readonly onAll: (entries: readonly KvEntry[]) => void;
  /** One entry that is newer than what was known under its key. */
  readonly onEntry: (entry: KvEntry) => void;
}

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

export class View {
  readonly #kv: Kv;
  readonly #o: ViewOptions;
  readonly #revisions = new Map<string, number>();
  #position = 0;
  #watch: KvWatch | undefined;
  #listed: (() => void) | undefined;
  readonly #ready = new Promise<void>((resolve) => {
    this.#listed = resolve;
  });
  readonly #stopped = new AbortController();
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;

  constructor(kv: Kv, options: ViewOptions) {
    this.#kv = kv;
    this.#o = options;
  }

  /** Everything up to this revision has been seen. */
  get position(): number {
    return this.#position;
  }

  start(): void {
    this.#watch = this.#kv.watch(
      { onAll: (entries) => this.#all(entries), onEntry: (entry) => this.#entry(entry) },
      { heartbeatMs: this.#o.heartbeatMs },
    );
  }

  stop(): void {
    this.#watch?.stop();
    this.#stopped.abort();
  }

  /** Waits for the first list. @throws ClusterTimeoutError */
  async ready(ms: number): Promise<void> {
    const { kind } = await within(this.#ready, ms, this.#stopped.signal);
    if (kind !== "done")
      throw new ClusterTimeoutError(`the cluster's buckets could not be read within ${ms} ms`);
  }

  /** Takes note of an entry that was written or read here, should the watch not have told it yet. */
  note(entry: KvEntry): void {
    if (entry.revision <= (this.#revisions.get(entry.key) ?? 0)) return;
    this.#revisions.set(entry.key, entry.revision);
    this.#o.onEntry(entry);
  }

  /** Reads a key that turned out to be another than it was seen. */
  async refresh(key: string): Promise<KvEntry | undefined> {
    const entry = await this.#kv.get(key);
    if (entry) this.note(entry);
    return entry;
  }

  /**
   * Waits until everything is seen that was written before the call, and that could still come before what was. Calls that
   * wait at the same time share a write.
   * @throws ClusterTimeoutError, and what the write throws.
   */
  settled(): Promise<void> {
    if (!this.#running) return this.#settle();
    // The one that is under way may have been written before what this call is about.
    this.#queued ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#queued = undefined;
        return this.#settle();
      });
    return this.#queued;
  }

  #settle(): Promise<void> {
    const run = this.#passBarrier().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }

  async #passBarrier(): Promise<void> {
    const revision = await this.#kv.put(BARRIER, NOTHING);
    if (this.#position >= revision) return;
    const seen = new Promise<void>((resolve) => this.#waiters.push({ revision, resolve }));
    const { kind } = await within(seen, this.#o.timeoutMs, this.#stopped.signal);
    if (kind !== "done") {
      throw new ClusterTimeoutError(`a write was not read back within ${this.#o.timeoutMs} ms`);
    }
  }

  #all(entries: readonly KvEntry[]): void {
    this.#revisions.clear();
    for (const { key, revision } of entries) this.#revisions.set(key, revision);
    this.#position = entries.at(-1)?.revision ?? 0;
    this.#o.onAll(entries.filter(({ key }) => key !== BARRIER));
    this.#listed?.();
    this.#wake();
  }

  #entry(entry: KvEntry): void {
    this.#position = entry.revision;
    if (entry.key !== BARRIER) this.note(entry);
    this.#wake();
  }

  #wake(): void {
    const due = this.#waiters.filter(({ revision }) => revision <= this.#position);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter(({ revision }) => revision > this.#position);
    for (const { resolve } of due) resolve();
  }
}
