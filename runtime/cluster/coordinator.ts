/**
 * Brings each partition to the node that it belongs to, and says at any moment which ones this node owns.
 *
 * Everybody computes the same placement from the same members. A node that has what belongs elsewhere has its host let go
 * of it, stops believing and releases it; whoever it belongs to sees that in its watch and takes it, under a higher epoch.
 * What a dead node had is open once its session was judged to have lapsed. A node whose own session is over drops all that
 * it had and joins anew.
 */
import type { Kv } from "../bus/bus.ts";
import { BusClosedError } from "../bus/errors.ts";
import { type Clock, systemClock } from "../clock.ts";
import { newId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { CoordinatorOptions, PartitionOwner } from "./coordinator-options.ts";
import { NodeNameTakenError } from "./errors.ts";
import { Leases } from "./leases.ts";
import { type Member, Members } from "./members.ts";
import { placementOfAll } from "./placement.ts";
import { nodeKey } from "./records.ts";
import { Session } from "./session.ts";
import { Tenures } from "./tenures.ts";
import { type Timings, timingsOf } from "./timings.ts";
import { pause, within } from "./waiting.ts";

/** What is left of a session that has ended vanishes from the bucket after ten times to live, and not before this, ms. */
const KEEP_ENDED_MS = 600_000;

export class Coordinator {
  readonly node: string;
  readonly #o: CoordinatorOptions;
  readonly #timings: Required<Timings>;
  readonly #clock: Clock;
  readonly #holder: string;
  readonly #kv: Kv;
  readonly #members: Members;
  readonly #leases: Leases;
  readonly #tenures: Tenures;
  /** It takes part no longer, or is about to. */
  readonly #leaving = new AbortController();
  readonly #closed = new AbortController();
  readonly #waiting = new Set<() => void>();
  #session: Session | undefined;
  #sessions = 0;
  #ending: Promise<void> | undefined;
  #changed = false;

  /**
   * Joins the cluster; its partitions follow, see `settled`.
   * @throws NodeNameTakenError, PartitionCountError, ClusterTimeoutError, RangeError for options that make no sense, and
   *   what the bus throws.
   */
  static async start(options: CoordinatorOptions): Promise<Coordinator> {
    const { bus, buckets, replicas } = options;
    nodeKey(options.node);
    const timings = timingsOf(options);
    const common = { replicas, attemptMs: timings.attemptMs };
    const members = await bus.kv(buckets.members, {
      ...common,
      ttlMs: Math.max(KEEP_ENDED_MS, 10 * timings.ttlMs),
    });
    const leases = await bus.kv(buckets.leases, common);
    const coordinator = new Coordinator(options, timings, members, leases);
    try {
      await coordinator.#start();
    } catch (error) {
      coordinator.#close();
      throw error;
    }
    return coordinator;
  }

  private constructor(options: CoordinatorOptions, timings: Required<Timings>, members: Kv, leases: Kv) {
    const { node, partitions, clock = systemClock, onAcquire, onRelease } = options;
    this.node = node;
    this.#o = options;
    this.#timings = timings;
    this.#clock = clock;
    this.#holder = options.holder ?? newId();
    this.#kv = members;
    const onError = (what: string, error: unknown) => this.#o.onError?.(what, error);
    this.#members = new Members(members, {
      clock,
      timings,
      onSession: (name, seen) => {
        if (name === node) this.#session?.observe(seen);
      },
      onChange: () => this.#place(),
      onError,
      mayJudge: (name, { holder }) =>
        this.#session ? this.#session.remainingMs() > 0 : name === node && holder !== this.#holder,
    });
    this.#leases = new Leases(leases, {
      node,
      partitions,
      members: this.#members,
      clock,
      timings,
      onChange: () => this.#tenures.reconcile(),
    });
    this.#tenures = new Tenures({
      node,
      partitions,
      leases: this.#leases,
      clock,
      timings,
      onAcquire,
      onRelease,
      onChange: () => this.#tell(),
      onError,
    });
  }

  /**
   * Whether this node owns a partition and will for `marginMs` even if nothing more is heard. To be asked before each
   * append and dispatch; it looks at the clock each time. Default margin: `Timings.marginMs`.
   */
  holds(partition: number, marginMs = this.#timings.marginMs): boolean {
    return this.#leases.holds(partition, marginMs);
  }

  /** Epoch under which this node owns a partition, the fence that its records carry; undefined when it does not. */
  epochOf(partition: number): number | undefined {
    return this.holds(partition, 0) ? this.#leases.epochOf(partition) : undefined;
  }

  /** Partitions that this node owns and has started. */
  owned(): number[] {
    return this.#tenures.started().filter((partition) => this.holds(partition, 0));
  }

  /** The living node that has a partition, as far as this node knows; undefined while it changes hands. */
  ownerOf(partition: number): PartitionOwner | undefined {
    const lease = this.#leases.ownerOf(partition);
    return lease && { node: lease.node, epoch: lease.epoch };
  }

  /** Living nodes, by name. */
  members(): Member[] {
    return this.#members.list();
  }

  status(): JsonObject {
    return {
      node: this.node,
      session: {
        remainingMs: Math.round(this.#session?.remainingMs() ?? 0),
        begun: this.#sessions,
        draining: this.#ending !== undefined,
      },
      members: this.members().map(({ node, state }) => ({ node, state })),
      partitions: { all: this.#o.partitions, owned: this.owned().length, ...this.#tenures.counts },
    };
  }

  /**
   * Waits until each partition is where it belongs, as far as this node knows, and its own have started; false when that
   * is not so within `ms`.
   */
  async settled(ms: number): Promise<boolean> {
    const end = performance.now() + ms;
    for (;;) {
      if (this.#session !== undefined && this.#tenures.isSettled()) return true;
      if (!(await this.#change(end - performance.now()))) return false;
    }
  }

  /** Hands everything over, then leaves; at most `drainTimeoutMs`. Nothing runs any more afterwards. */
  drain(): Promise<void> {
    return this.#leave(this.#timings.drainTimeoutMs);
  }

  /** The same within `stopTimeoutMs`, after which what was not let go of is left as it is. */
  stop(): Promise<void> {
    return this.#leave(this.#timings.stopTimeoutMs);
  }

  /** Ends as a crash would: nothing more is written or told. `holds` goes on as the clock says. For tests. */
  abandon(): void {
    this.#session?.abandon();
    this.#close();
  }

  async #start(): Promise<void> {
    const { startTimeoutMs } = this.#timings;
    await this.#leases.agree();
    this.#members.view.start();
    this.#leases.view.start();
    await this.#members.view.ready(startTimeoutMs);
    await this.#leases.view.ready(startTimeoutMs);
    await this.#join();
  }

  async #join(): Promise<void> {
    const session = await Session.register({
      kv: this.#kv,
      members: this.#members,
      node: this.node,
      holder: this.#holder,
      info: this.#o.info ?? {},
      clock: this.#clock,
      timings: this.#timings,
      signal: this.#leaving.signal,
      onLost: (session, reason) => this.#lost(session, reason),
      onError: (what, error) => this.#o.onError?.(what, error),
    });
    if (this.#leaving.signal.aborted) {
      await session.leave();
      return;
    }
    this.#session = session;
    this.#sessions++;
    this.#members.touch();
    this.#place();
  }

  /** The session is over: so is all that hung on it. */
  #lost(session: Session, reason: string): void {
    if (session !== this.#session || this.#closed.signal.aborted) return;
    this.#session = undefined;
    this.#tenures.lose();
    this.#members.touch();
    this.#o.onError?.("the session of this node is over", new Error(reason));
    this.#tell();
    void this.#joinAgain();
  }

  async #joinAgain(): Promise<void> {
    const { signal } = this.#leaving;
    let waitMs = this.#timings.retryMs;
    while (!signal.aborted) {
      try {
        await this.#join();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof NodeNameTakenError || error instanceof BusClosedError) {
          this.#o.onFailure?.(error);
          return;
        }
        this.#o.onError?.("the cluster was not joined again yet", error);
        await pause(waitMs, signal);
        waitMs = Math.min(waitMs * 2, this.#timings.maxRetryMs);
      }
    }
  }

  /** Who belongs where, from the members as they are now. */
  #place(): void {
    const nodes = new Set<string>();
    for (const { node, state } of this.#members.list()) if (state === "live") nodes.add(node);
    // Of itself it knows more than what it has heard.
    if (this.#session && !this.#leaving.signal.aborted) nodes.add(this.node);
    else nodes.delete(this.node);
    this.#tenures.place(this.#session, placementOfAll(this.#o.partitions, [...nodes]));
  }

  #leave(ms: number): Promise<void> {
    this.#ending ??= (async () => {
      this.#leaving.abort();
      const end = performance.now() + ms;
      this.#tenures.drain();
      this.#session?.drain();
      while (!this.#tenures.isEmpty) {
        if (await this.#change(end - performance.now())) continue;
        this.#o.onError?.("not everything was handed over", new Error(`not within ${ms} ms`));
        this.#leases.withdrawAll();
        // What was still sent under the leases has arrived by then.
        await pause(this.#timings.marginMs, this.#closed.signal);
        break;
      }
      const left = await this.#session?.leave();
      if (left === false) this.#o.onError?.("the others have to wait for the lapse", new Error("no answer"));
      this.#leases.withdrawAll();
      this.#close();
    })();
    return this.#ending;
  }

  #close(): void {
    this.#leaving.abort();
    this.#closed.abort();
    this.#tenures.abandon();
    this.#members.stop();
    this.#leases.view.stop();
  }

  /** Waits for the next change; false when there was none within `ms`. */
  async #change(ms: number): Promise<boolean> {
    if (ms <= 0 || this.#closed.signal.aborted) return false;
    let wake!: () => void;
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.add(wake);
    const { kind } = await within(changed, ms, this.#closed.signal);
    this.#waiting.delete(wake);
    return kind === "done";
  }

  /** Many changes of one turn are told together. */
  #tell(): void {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      if (this.#closed.signal.aborted) return;
      for (const wake of this.#waiting) wake();
      this.#o.onChange?.();
    });
  }
}
