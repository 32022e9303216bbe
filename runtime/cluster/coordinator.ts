/**
 * Brings each partition to the node that it belongs to, and says at any moment which ones this node owns.
 *
 * Everybody computes the same placement from the same members. A node that has what belongs elsewhere has its host let go
 * of it, stops believing and releases it; whoever it belongs to sees that in its watch and takes it, under a higher epoch.
 * What a dead node had is open once its session was judged to have lapsed. A node whose own session is over drops all that
 * it had and joins anew.
 */
import type { Kv } from "../bus/bus.ts";
import { systemClock } from "../clock.ts";
import { newId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { CoordinatorOptions, PartitionOwner } from "./coordinator-options.ts";
import { Leases } from "./leases.ts";
import type { Member } from "./members.ts";
import { Membership } from "./membership.ts";
import { placementOfAll } from "./placement.ts";
import { nodeKey } from "./records.ts";
import { Tenures } from "./tenures.ts";
import { type Timings, timingsOf } from "./timings.ts";
import { Bell, pause } from "./waiting.ts";

/** What is left of a session that has ended vanishes from the bucket after ten times to live, and not before this, ms. */
const KEEP_ENDED_MS = 600_000;

export class Coordinator {
  readonly node: string;
  readonly #o: CoordinatorOptions;
  readonly #timings: Required<Timings>;
  readonly #membership: Membership;
  readonly #leases: Leases;
  readonly #tenures: Tenures;
  readonly #closed = new AbortController();
  readonly #bell = new Bell();
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
    const common = {
      node,
      partitions,
      clock,
      timings,
      onError: (what: string, error: unknown) => options.onError?.(what, error),
    };
    this.#membership = new Membership({
      ...common,
      kv: members,
      holder: options.holder ?? newId(),
      info: options.info ?? {},
      onChange: () => {
        this.#tenures.place(this.#membership.session, placementOfAll(partitions, this.#membership.places()));
        this.#tell();
      },
      // Should ever a change have been missed.
      onRenewed: () => this.#tenures.reconcile(),
      onLost: () => {
        this.#tenures.lose();
        this.#tell();
      },
      onFailure: (error) => options.onFailure?.(error),
    });
    this.#leases = new Leases(leases, {
      ...common,
      members: this.#membership.members,
      onChange: () => {
        this.#tenures.reconcile();
        this.#tell();
      },
    });
    this.#tenures = new Tenures({
      ...common,
      leases: this.#leases,
      onAcquire,
      onRelease,
      onChange: () => this.#tell(),
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
    return this.#membership.members.list();
  }

  status(): JsonObject {
    return {
      node: this.node,
      session: {
        remainingMs: Math.round(this.#membership.session?.remainingMs() ?? 0),
        begun: this.#membership.begun,
        draining: this.#ending !== undefined,
      },
      members: this.members().map(({ node, state, info }) => ({ ...info, node, state })),
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
      if (this.#membership.session && this.#tenures.isSettled()) return true;
      if (!(await this.#bell.heard(end - performance.now(), this.#closed.signal))) return false;
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
    this.#membership.abandon();
    this.#close();
  }

  async #start(): Promise<void> {
    const { startTimeoutMs } = this.#timings;
    await this.#leases.agree();
    const views = [this.#membership.members.view, this.#leases.view];
    for (const view of views) view.start();
    for (const view of views) await view.ready(startTimeoutMs);
    await this.#membership.join();
  }

  #leave(ms: number): Promise<void> {
    this.#ending ??= (async () => {
      const end = performance.now() + ms;
      this.#tenures.drain();
      this.#membership.drain();
      while (!this.#tenures.isEmpty) {
        if (await this.#bell.heard(end - performance.now(), this.#closed.signal)) continue;
        this.#o.onError?.("not everything was handed over", new Error(`not within ${ms} ms`));
        this.#leases.withdrawAll();
        // What was still sent under the leases has arrived by then.
        await pause(this.#timings.marginMs, this.#closed.signal);
        break;
      }
      const left = await this.#membership.leave();
      if (!left) this.#o.onError?.("the others have to wait for the lapse", new Error("no answer"));
      this.#leases.withdrawAll();
      this.#close();
    })();
    return this.#ending;
  }

  #close(): void {
    this.#closed.abort();
    this.#tenures.abandon();
    this.#membership.close();
    this.#leases.view.stop();
  }

  /** Many changes of one turn are told together. */
  #tell(): void {
    if (this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      if (this.#closed.signal.aborted) return;
      this.#bell.ring();
      try {
        this.#o.onChange?.();
      } catch (error) {
        this.#o.onError?.("a listener failed", error);
      }
    });
  }
}
