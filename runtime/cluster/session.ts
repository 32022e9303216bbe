/**
 * This node's own session: one record that is renewed, for all of its partitions together. Whoever takes a partition has
 * to end the session first, so a node's traffic does not grow with what it owns.
 *
 * It believes in itself until its time to live has passed since the last acknowledged renewal was *sent*, by the monotonic
 * clock, and by the wall clock as well, because the monotonic one stands still while a machine is suspended. The question
 * is answered at each call: a process that was paused finds its session over before any of its timers has run. What is
 * over stays over, even if nobody else has noticed; the node joins again with another session.
 */
import type { Kv } from "../bus/bus.ts";
import { KvConflictError } from "../bus/errors.ts";
import type { Clock } from "../clock.ts";
import { newId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import { ClusterTimeoutError, NodeNameTakenError } from "./errors.ts";
import type { Members, SeenSession } from "./members.ts";
import { encode, hasEnded, nodeKey, type SessionState } from "./records.ts";
import type { Timings } from "./timings.ts";
import { Alarm } from "./waiting.ts";

export interface SessionOptions {
  readonly kv: Kv;
  readonly members: Members;
  readonly node: string;
  /** See `CoordinatorOptions.holder`. */
  readonly holder: string;
  readonly info: JsonObject;
  readonly clock: Clock;
  readonly timings: Required<Timings>;
  readonly signal: AbortSignal;
  /** Called once, and never within a call of the session's, when the session is over without having been left. */
  readonly onLost: (session: Session, reason: string) => void;
  readonly onError: (what: string, error: unknown) => void;
}

/** So many renewals of a namesake have to be seen before it counts as living: its last one may have been on the way. */
const SIGNS_OF_LIFE = 2;

export class Session {
  readonly id = newId();
  readonly #o: SessionOptions;
  readonly #key: string;
  readonly #since: number;
  readonly #renewal = new Alarm(() => void this.#renew());
  readonly #lapse = new Alarm(() => void this.remainingMs());
  #at = 0;
  #revision = 0;
  #until = 0;
  #untilWall = 0;
  #state: SessionState = "live";
  #written: SessionState = "live";
  #writing: Promise<void> | undefined;
  #over = true;
  #abandoned = false;

  /**
   * Joins under the node's name. Waits for a silent predecessor to lapse.
   * @throws NodeNameTakenError when another session of that name is alive; ClusterTimeoutError; what the bus throws.
   */
  static async register(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    await session.#register();
    return session;
  }

  private constructor(options: SessionOptions) {
    this.#o = options;
    this.#key = nodeKey(options.node);
    this.#since = options.clock.now();
  }

  /** Revision under which it began. */
  get at(): number {
    return this.#at;
  }

  /** Ms for which this node may still believe in its session, if nothing is heard any more; 0 when it is over. */
  remainingMs(): number {
    if (this.#over) return 0;
    const { clock } = this.#o;
    const left = Math.min(this.#until - clock.monotonic(), this.#untilWall - clock.now());
    if (left > 0) return left;
    this.#lose("it was not renewed in time");
    return 0;
  }

  /** Tells the others that this node hands over what it has. */
  drain(): void {
    if (this.#state !== "live") return;
    this.#state = "draining";
    void this.#renew();
  }

  /** Something was written under the node's name. */
  observe({ record, revision }: SeenSession): void {
    if (this.#over || revision <= this.#revision) return;
    if (record?.id !== this.id) this.#lose("another session began under this node's name");
    else if (hasEnded(record.state)) this.#lose("other nodes judged it to have lapsed");
    else this.#revision = revision;
  }

  /** Ends it at once, then tells the others; false when they have to wait for its lapse. */
  async leave(): Promise<boolean> {
    this.#end();
    await this.#writing;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#o.kv.update(this.#key, this.#value("left"), this.#revision);
        return true;
      } catch (error) {
        // A renewal may have been written whose answer was lost.
        const ours = error instanceof KvConflictError && attempt === 1 ? await this.#look() : undefined;
        if (ours === undefined) return false;
        this.#revision = ours;
      }
    }
  }

  /** Stops renewing as a crash would. `remainingMs` goes on telling what is left. */
  abandon(): void {
    this.#abandoned = true;
    this.#renewal.clear();
    this.#lapse.clear();
  }

  async #register(): Promise<void> {
    const { members, node, holder, clock, timings, signal } = this.#o;
    const end = performance.now() + timings.startTimeoutMs;
    let signs = -1;
    let known = 0;
    for (;;) {
      if (signal.aborted) throw new ClusterTimeoutError("stopped while it was joining");
      const there = members.session(node);
      if (!there?.record || hasEnded(there.record.state) || there.record.holder === holder) {
        const [sentAt, sentAtWall] = [clock.monotonic(), clock.now()];
        const revision = await this.#claim(there?.revision);
        if (revision !== undefined) {
          this.#at = revision;
          this.#begin(revision, sentAt, sentAtWall);
          return;
        }
        continue;
      }
      if (there.revision !== known) signs++;
      known = there.revision;
      if (signs >= SIGNS_OF_LIFE) throw new NodeNameTakenError(node);
      const left = end - performance.now();
      if (left <= 0) {
        throw new ClusterTimeoutError(
          `an earlier session of ${node} did not lapse within ${timings.startTimeoutMs} ms`,
        );
      }
      await members.changed(Math.min(left, timings.ttlMs));
    }
  }

  /** Undefined when somebody else was quicker. */
  async #claim(expected: number | undefined): Promise<number | undefined> {
    const { kv, members, node } = this.#o;
    const value = this.#value("live");
    try {
      const revision =
        expected === undefined
          ? await kv.create(this.#key, value)
          : await kv.update(this.#key, value, expected);
      members.view.note({ key: this.#key, value, revision });
    } catch (error) {
      if (!(error instanceof KvConflictError)) throw error;
      await members.view.refresh(this.#key);
      return undefined;
    }
    await members.view.settled();
    const there = members.session(node);
    return there?.record?.id === this.id ? there.revision : undefined;
  }

  #begin(revision: number, sentAt: number, sentAtWall: number): void {
    this.#over = false;
    this.#renewed(revision, sentAt, sentAtWall);
    this.#renewal.set(sentAt + this.#o.timings.renewMs - this.#o.clock.monotonic());
  }

  #renewed(revision: number, sentAt: number, sentAtWall: number): void {
    const { ttlMs } = this.#o.timings;
    this.#revision = Math.max(this.#revision, revision);
    this.#until = sentAt + ttlMs;
    this.#untilWall = sentAtWall + ttlMs;
    const left = this.remainingMs();
    if (left > 0 && !this.#abandoned) this.#lapse.set(left);
  }

  async #renew(): Promise<void> {
    if (this.#writing || this.#abandoned || this.remainingMs() <= 0) return;
    const { clock, timings } = this.#o;
    const sentAt = clock.monotonic();
    let again = timings.retryMs;
    this.#writing = this.#write(sentAt, clock.now()).then((done) => {
      this.#writing = undefined;
      if (done) again = this.#written === this.#state ? sentAt + timings.renewMs - clock.monotonic() : 0;
      if (this.remainingMs() > 0 && !this.#abandoned) this.#renewal.set(again);
    });
    await this.#writing;
  }

  async #write(sentAt: number, sentAtWall: number): Promise<boolean> {
    const state = this.#state;
    try {
      const revision = await this.#o.kv.update(this.#key, this.#value(state), this.#revision);
      // One that is acknowledged too late does not bring back what is over.
      if (this.remainingMs() <= 0) return false;
      this.#written = state;
      this.#renewed(revision, sentAt, sentAtWall);
      return true;
    } catch (error) {
      if (this.remainingMs() <= 0) return false;
      if (error instanceof KvConflictError) await this.#look();
      else this.#o.onError("a renewal failed", error);
      return false;
    }
  }

  /** Reads the record after a conflict and takes note of it. Answers its revision when it is of this session. */
  async #look(): Promise<number | undefined> {
    const { members, node } = this.#o;
    try {
      await members.view.refresh(this.#key);
    } catch (error) {
      this.#o.onError("the session could not be read", error);
      return undefined;
    }
    const seen = members.session(node);
    if (seen) this.observe(seen);
    return seen?.record?.id === this.id ? seen.revision : undefined;
  }

  #value(state: SessionState): Uint8Array {
    const { holder, info, timings } = this.#o;
    return encode({ id: this.id, state, ttlMs: timings.ttlMs, holder, since: this.#since, info });
  }

  #lose(reason: string): void {
    this.#end();
    if (!this.#abandoned) queueMicrotask(() => this.#o.onLost(this, reason));
  }

  #end(): void {
    this.#over = true;
    this.#renewal.clear();
    this.#lapse.clear();
  }
}
