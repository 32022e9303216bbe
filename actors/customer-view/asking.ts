/** Asks agents and actors for one view, all under one deadline. */
import type { z } from "zod";
import type { Address } from "../../runtime/address.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { ActorView } from "../../runtime/host/definition.ts";
import { AskError } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { parseReason } from "../skills/backoffice/refusal.ts";

export interface AskingOptions {
  readonly call: Engine["call"];
  readonly read: Engine["read"];
  /** ms since the epoch, on the desk's clock. */
  readonly now: () => number;
  /** For everything that is asked, ms. */
  readonly deadlineMs: number;
}

/** What a system said, and as of when. */
export interface Told<T> {
  readonly value: T;
  readonly source: string;
  /** ISO time. */
  readonly asOf: string;
  readonly ageMs: number;
}

const LATE = Symbol("late");

export class Asking {
  readonly #o: AskingOptions;
  readonly #end: number;
  readonly #passed: Promise<typeof LATE>;
  #timer: NodeJS.Timeout | undefined;

  /** The deadline runs from here. */
  constructor(options: AskingOptions) {
    this.#o = options;
    this.#end = performance.now() + options.deadlineMs;
    this.#passed = new Promise((resolve) => {
      this.#timer = setTimeout(() => resolve(LATE), options.deadlineMs);
    });
  }

  get now(): number {
    return this.#o.now();
  }

  /**
   * Asks a resident agent, which keeps to its own time-outs, breaker and bulkhead.
   * @param shape of the answer; what does not have it is a failure of the system
   * @throws AskError, as the agent answered; `timeout` once the deadline has passed
   */
  async agent<T>(
    service: string,
    operation: string,
    input: JsonObject,
    shape: z.ZodType<T>,
  ): Promise<Told<T>> {
    const timeoutMs = Math.max(1, Math.ceil(this.#end - performance.now()));
    const what = `${service}.${operation}`;
    const answer = await this.#within(what, this.#o.call(service, operation, input, { timeoutMs }));
    const { provenance, ...value } = answer as { provenance?: { asOf: string; ageMs: number } };
    const parsed = shape.safeParse(value);
    if (!parsed.success) {
      const { path, message } = parsed.error.issues[0]!;
      const where = path.map(String).join(".") || "it";
      throw new AskError("failed", `${what} answered in another shape: ${where}: ${message}`);
    }
    const { asOf = new Date(this.now).toISOString(), ageMs = 0 } = provenance ?? {};
    return { value: parsed.data, source: service, asOf, ageMs };
  }

  /** The same, where a system that says that there is no such thing has answered: null then. */
  async agentOrNone<T>(
    service: string,
    operation: string,
    input: JsonObject,
    shape: z.ZodType<T>,
    isNone: (reason: string) => boolean = () => true,
  ): Promise<Told<T | null>> {
    try {
      return await this.agent(service, operation, input, shape);
    } catch (error) {
      const said = error instanceof AskError && error.code === "not_found";
      if (!said || !isNone(parseReason(error.message).reason)) throw error;
      return { value: null, source: service, asOf: new Date(this.now).toISOString(), ageMs: 0 };
    }
  }

  /** State of a durable actor; undefined when it has no record. @throws AskError, UnavailableError, LeftLogError */
  actor(to: Address): Promise<ActorView | undefined> {
    return this.#within(to.kind, this.#o.read(to));
  }

  /** Nothing more will be asked. */
  close(): void {
    clearTimeout(this.#timer);
  }

  async #within<T>(what: string, work: Promise<T>): Promise<T> {
    const first = await Promise.race([work, this.#passed]);
    if (first === LATE) {
      throw new AskError("timeout", `${what} did not answer within ${this.#o.deadlineMs} ms`, true);
    }
    return first as T;
  }
}
