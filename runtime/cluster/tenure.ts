/** One partition at this node, from the take to the release. */
import type { Leases } from "./leases.ts";
import type { Session } from "./session.ts";
import type { Timings } from "./timings.ts";
import { type Outcome, pause, within } from "./waiting.ts";

/**
 * `moved`: it belongs to another node now. `drain`: this node is leaving. `lost`: it is not ours any more, or not for
 * certain: nothing may be written for it.
 */
export type ReleaseReason = "moved" | "drain" | "lost";

export interface TenureOptions {
  readonly partition: number;
  readonly session: Session;
  readonly leases: Leases;
  readonly timings: Required<Timings>;
  readonly onAcquire: (partition: number, epoch: number) => Promise<void>;
  readonly onRelease: (partition: number, reason: ReleaseReason) => Promise<void>;
  readonly onStarted: () => void;
  readonly onError: (what: string, error: unknown) => void;
}

export type TenurePhase = "taking" | "starting" | "held" | "ending";

/** There is one `onRelease` for each `onAcquire`, but for one that failed: that holds nothing. */
export class Tenure {
  readonly #o: TenureOptions;
  #phase: TenurePhase = "taking";
  #reason: ReleaseReason | undefined;
  #abandoned = false;
  /** Ends the wait for the host that is under way. */
  #wait = new AbortController();
  #ask!: () => void;
  readonly #asked = new Promise<void>((resolve) => {
    this.#ask = resolve;
  });
  /** Never rejects; answers what it failed of. */
  readonly done: Promise<unknown>;

  constructor(options: TenureOptions) {
    this.#o = options;
    this.done = this.#run().then(
      () => undefined,
      (error: unknown) => error ?? new Error("failed"),
    );
  }

  get phase(): TenurePhase {
    return this.#phase;
  }

  /** Has it end: at once when it is lost, else when it has started. A loss outdoes the other reasons. */
  end(reason: ReleaseReason): void {
    if (reason === "lost" || this.#reason === undefined) this.#reason = reason;
    if (reason === "lost" && this.#phase === "starting") this.#wait.abort();
    this.#ask();
  }

  /** Ends all that it waits for, without another word to the host. */
  abandon(): void {
    this.#abandoned = true;
    this.#wait.abort();
    this.#ask();
  }

  async #run(): Promise<void> {
    const { partition, session, leases } = this.#o;
    const epoch = await leases.take(partition, session);
    if (this.#abandoned) return;
    if (this.#reason === undefined) {
      await this.#start(epoch);
      await this.#asked;
      if (this.#abandoned) return;
      await this.#letGo(this.#reason ?? "lost");
    }
    await this.#release();
  }

  /** @throws when the host did not take it; it is free again by then. */
  async #start(epoch: number): Promise<void> {
    const { partition, timings, onAcquire } = this.#o;
    this.#phase = "starting";
    const started = await this.#bounded(() => onAcquire(partition, epoch), timings.acquireTimeoutMs);
    if (this.#abandoned || started.kind === "ended") return;
    this.#phase = started.kind === "done" ? "held" : "ending";
    if (started.kind === "done") return this.#o.onStarted();
    if (started.kind === "late") await this.#letGo("lost");
    await this.#release();
    throw started.kind === "failed"
      ? started.error
      : new Error(`partition ${partition} did not start within ${timings.acquireTimeoutMs} ms`);
  }

  /** Has the host let go of it; afterwards nobody here believes in it. */
  async #letGo(reason: ReleaseReason): Promise<void> {
    const { partition, leases, timings, onRelease, onError } = this.#o;
    this.#phase = "ending";
    if (reason === "lost") leases.withdraw(partition);
    const ended = await this.#bounded(() => onRelease(partition, reason), timings.releaseTimeoutMs);
    leases.withdraw(partition);
    if (ended.kind === "done" || ended.kind === "ended") return;
    const error =
      ended.kind === "failed" ? ended.error : new Error(`not within ${timings.releaseTimeoutMs} ms`);
    onError(`partition ${partition} was not let go of in order`, error);
    // What was still sent under the lease has arrived by then.
    await pause(timings.marginMs, this.#wait.signal);
  }

  async #release(): Promise<void> {
    const { partition, session, leases } = this.#o;
    leases.withdraw(partition);
    // A session that is over needs nothing released; its partitions are open when it is replaced or has lapsed.
    if (!this.#abandoned && session.remainingMs() > 0) await leases.release(partition, session);
  }

  #bounded(call: () => Promise<void>, ms: number): Promise<Outcome> {
    if (!this.#abandoned) this.#wait = new AbortController();
    // What the host throws before it has a promise counts as well.
    const work = new Promise<void>((resolve) => resolve(call()));
    return within(work, ms, this.#wait.signal);
  }
}
