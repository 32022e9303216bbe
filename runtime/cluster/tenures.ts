/** The partitions of this node: begins and ends tenures so that each partition comes to where it belongs. */
import type { Clock } from "../clock.ts";
import { LeaseTakenError } from "./errors.ts";
import type { Leases } from "./leases.ts";
import type { Session } from "./session.ts";
import { Tenure, type TenureOptions } from "./tenure.ts";
import type { Timings } from "./timings.ts";
import { Alarm } from "./waiting.ts";

export interface TenuresOptions extends Pick<TenureOptions, "onAcquire" | "onRelease"> {
  readonly node: string;
  readonly partitions: number;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly timings: Required<Timings>;
  /** Something about this node's partitions is other than before. */
  readonly onChange: () => void;
  readonly onError: (what: string, error: unknown) => void;
}

interface Failures {
  readonly count: number;
  /** Monotonic clock, ms. */
  readonly retryAt: number;
}

export class Tenures {
  readonly #o: TenuresOptions;
  readonly #running = new Map<number, Tenure>();
  /** Recorded for this node and not wanted: being released. */
  readonly #astray = new Set<number>();
  readonly #failures = new Map<number, Failures>();
  readonly #retry = new Alarm(() => this.reconcile());
  readonly #counts = { taken: 0, lost: 0 };
  #session: Session | undefined;
  #targets: readonly (string | undefined)[] = [];
  #draining = false;
  #abandoned = false;

  constructor(options: TenuresOptions) {
    this.#o = options;
  }

  get counts(): { readonly taken: number; readonly lost: number } {
    return this.#counts;
  }

  /** Whether nothing is held, coming or going. */
  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  /** Partitions that have started and were not asked to end. */
  started(): number[] {
    const started: number[] = [];
    for (const [partition, { phase }] of this.#running) if (phase === "held") started.push(partition);
    return started.sort((a, b) => a - b);
  }

  /** Whether everything that belongs here has started, and nothing else is here. */
  isSettled(): boolean {
    for (const tenure of this.#running.values()) if (tenure.phase !== "held") return false;
    return this.#targets.every((target, partition) => {
      if (target === this.#o.node) return this.#running.has(partition);
      return target !== undefined && this.#o.leases.ownerOf(partition)?.node === target;
    });
  }

  /** A session has begun, and who belongs where. */
  place(session: Session | undefined, targets: readonly (string | undefined)[]): void {
    this.#session = session;
    this.#targets = targets;
    this.reconcile();
  }

  /** Hands over everything, and takes nothing more. */
  drain(): void {
    this.#draining = true;
    this.reconcile();
  }

  /** The session is over. */
  lose(): void {
    this.#session = undefined;
    this.#o.leases.withdrawAll();
    for (const tenure of this.#running.values()) this.#lost(tenure);
  }

  /** Ends all waits, without another word to the host. */
  abandon(): void {
    this.#abandoned = true;
    this.#retry.clear();
    for (const tenure of this.#running.values()) tenure.abandon();
  }

  /** Begins and ends what has to be, by what is known now. */
  reconcile(): void {
    if (this.#abandoned) return;
    const { node, partitions, leases, clock } = this.#o;
    const session = this.#session;
    const now = clock.monotonic();
    let retryAt = Number.POSITIVE_INFINITY;
    for (let partition = 0; partition < partitions; partition++) {
      const target = this.#targets[partition];
      const tenure = this.#running.get(partition);
      if (tenure) {
        if (leases.isUsurped(partition)) {
          leases.withdraw(partition);
          this.#lost(tenure);
        } else if (this.#draining) tenure.end("drain");
        else if (target !== undefined && target !== node) tenure.end("moved");
        continue;
      }
      if (!session || this.#astray.has(partition) || session.remainingMs() <= 0) continue;
      const wanted = target === node && !this.#draining;
      // What is recorded here and not wanted is left of a write whose answer was lost.
      if (wanted ? !leases.isTakeable(partition, session) : !leases.isRecorded(partition, session)) continue;
      const waits = this.#failures.get(partition)?.retryAt ?? 0;
      if (waits > now) retryAt = Math.min(retryAt, waits);
      else if (wanted) this.#take(partition, session);
      else void this.#release(partition, session);
    }
    if (Number.isFinite(retryAt)) this.#retry.set(retryAt - now);
  }

  #take(partition: number, session: Session): void {
    const { leases, timings, onAcquire, onRelease, onError } = this.#o;
    const tenure = new Tenure({
      partition,
      session,
      leases,
      timings,
      onAcquire: (p, epoch) => {
        this.#counts.taken++;
        return onAcquire(p, epoch);
      },
      onRelease,
      onStarted: () => {
        this.#failures.delete(partition);
        this.#o.onChange();
      },
      onError,
    });
    this.#running.set(partition, tenure);
    void tenure.done.then((error) => {
      this.#running.delete(partition);
      if (this.#abandoned) return;
      if (error !== undefined) this.#failed(partition, "was not taken or released", error);
      this.reconcile();
      this.#o.onChange();
    });
  }

  async #release(partition: number, session: Session): Promise<void> {
    this.#astray.add(partition);
    try {
      await this.#o.leases.release(partition, session);
      this.#failures.delete(partition);
    } catch (error) {
      this.#failed(partition, "was not released", error);
    } finally {
      this.#astray.delete(partition);
      this.reconcile();
    }
  }

  #failed(partition: number, what: string, error: unknown): void {
    const { clock, timings, onError } = this.#o;
    const count = (this.#failures.get(partition)?.count ?? 0) + 1;
    const waitMs = Math.min(timings.retryMs * 2 ** (count - 1), timings.maxRetryMs);
    this.#failures.set(partition, { count, retryAt: clock.monotonic() + waitMs });
    // That somebody was quicker is no trouble.
    if (!(error instanceof LeaseTakenError)) onError(`partition ${partition} ${what}`, error);
  }

  #lost(tenure: Tenure): void {
    if (tenure.phase !== "ending") this.#counts.lost++;
    tenure.end("lost");
  }
}
