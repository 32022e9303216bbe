/** This node among the members: it joins, joins anew when its session is over, and leaves. */
import type { Kv } from "../bus/bus.ts";
import { BusClosedError } from "../bus/errors.ts";
import type { Clock } from "../clock.ts";
import type { JsonObject } from "../json.ts";
import { NodeNameTakenError } from "./errors.ts";
import { Members } from "./members.ts";
import { Session } from "./session.ts";
import type { Timings } from "./timings.ts";
import { pause } from "./waiting.ts";

export interface MembershipOptions {
  readonly kv: Kv;
  readonly node: string;
  /** See `CoordinatorOptions.holder`. */
  readonly holder: string;
  readonly info: JsonObject;
  readonly clock: Clock;
  readonly timings: Required<Timings>;
  /** Nodes came, went or drain, or this node has joined. */
  readonly onChange: () => void;
  /** This node's session was written: once a renewal, at least. */
  readonly onRenewed: () => void;
  /** The session is over without having been left. Another one will begin. */
  readonly onLost: () => void;
  /** No other session can begin. */
  readonly onFailure: (error: Error) => void;
  readonly onError: (what: string, error: unknown) => void;
}

export class Membership {
  readonly members: Members;
  readonly #o: MembershipOptions;
  readonly #leaving = new AbortController();
  #session: Session | undefined;
  #begun = 0;

  constructor(options: MembershipOptions) {
    const { kv, node, holder, clock, timings, onChange, onRenewed, onError } = options;
    this.#o = options;
    this.members = new Members(kv, {
      clock,
      timings,
      onSession: (name, seen) => {
        if (name !== node) return;
        this.#session?.observe(seen);
        onRenewed();
      },
      onChange,
      onError,
      mayJudge: (name, record) =>
        this.#session ? this.#session.remainingMs() > 0 : name === node && record.holder !== holder,
    });
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Sessions that have begun so far. */
  get begun(): number {
    return this.#begun;
  }

  /** Nodes that partitions can be placed on. */
  places(): string[] {
    const nodes = new Set<string>();
    for (const { node, state } of this.members.list()) if (state === "live") nodes.add(node);
    // Of itself it knows more than what it has heard.
    if (this.#session && !this.#leaving.signal.aborted) nodes.add(this.#o.node);
    else nodes.delete(this.#o.node);
    return [...nodes];
  }

  /** @throws NodeNameTakenError, ClusterTimeoutError, what the bus throws. */
  async join(): Promise<void> {
    const session = await Session.register({
      ...this.#o,
      members: this.members,
      signal: this.#leaving.signal,
      onLost: (lost, reason) => this.#lost(lost, reason),
    });
    if (this.#leaving.signal.aborted) {
      await session.leave();
      return;
    }
    this.#session = session;
    this.#begun++;
    this.members.touch();
    this.#o.onChange();
  }

  /** Tells the others that this node hands over what it has; it joins no more. */
  drain(): void {
    this.#leaving.abort();
    this.#session?.drain();
  }

  /** False when the others have to wait for the lapse. */
  async leave(): Promise<boolean> {
    this.#leaving.abort();
    return (await this.#session?.leave()) ?? true;
  }

  /** See `Session.abandon`. */
  abandon(): void {
    this.#session?.abandon();
  }

  /** Nothing runs any more. */
  close(): void {
    this.#leaving.abort();
    this.members.stop();
  }

  #lost(session: Session, reason: string): void {
    if (session !== this.#session) return;
    this.#session = undefined;
    this.#o.onLost();
    this.#o.onError("the session of this node is over", new Error(reason));
    void this.#joinAgain();
  }

  async #joinAgain(): Promise<void> {
    const { timings, onFailure, onError } = this.#o;
    const { signal } = this.#leaving;
    let waitMs = timings.retryMs;
    while (!signal.aborted) {
      try {
        await this.join();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof NodeNameTakenError || error instanceof BusClosedError) {
          onFailure(error);
          return;
        }
        onError("the cluster was not joined again yet", error);
        await pause(waitMs, signal);
        waitMs = Math.min(waitMs * 2, timings.maxRetryMs);
      }
    }
  }
}
