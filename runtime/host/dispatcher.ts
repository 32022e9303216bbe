/**
 * Carries asks to resident agents and brings back exactly one answer each: the value, the error or the time-out.
 * What it brings is appended by the host under an id that follows from the ask, so a repetition changes nothing.
 */
import type { Bus, BusMessage } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { JsonObject } from "../json.ts";
import type { ServiceAnswer, ServiceHost, ServiceRequest } from "./service-host.ts";

export interface DispatcherOptions {
  readonly subject: (service: string, operation: string) => string;
  readonly clock: Clock;
  /** Agents of this node: asked without the way over the server. */
  readonly local?: Pick<ServiceHost, "call" | "isRepeatable">;
  /** How long an agent that nobody serves is looked for before the ask fails as `unavailable`, ms. Default 2,000. */
  readonly lookForMs?: number;
  /** Least time a request gets, even when its deadline has passed while the node was down, ms. Default 250. */
  readonly leastMs?: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const LOOK_AGAIN_MS = 50;

export interface AskRequest {
  /** Of an ask on the record. */
  readonly id?: string;
  readonly service: string;
  readonly operation: string;
  readonly input: JsonObject;
  readonly key: string;
  /** ms since the epoch, on the desk's clock. */
  readonly deadline: number;
  readonly traceparent?: string;
  /** Another node may have made it before, under the same key. */
  readonly again?: boolean;
}

export class Dispatcher {
  readonly #bus: Bus;
  readonly #o: Required<Omit<DispatcherOptions, "local">> & DispatcherOptions;

  constructor(bus: Bus, options: DispatcherOptions) {
    this.#bus = bus;
    this.#o = { lookForMs: 2_000, leastMs: 250, ...options };
  }

  /** Whether an operation of an agent of this node can be asked again at any time: see `Service.repeatable`. */
  isRepeatable(service: string, operation: string): boolean {
    return this.#o.local?.isRepeatable(service, operation) ?? false;
  }

  /**
   * Never throws: whatever happens is an answer.
   * @param mayAct see `AskContext.mayAct`; agents of other nodes can't look at it
   */
  async ask(request: AskRequest, mayAct?: () => boolean): Promise<ServiceAnswer> {
    const { service, operation, input, key, traceparent, again } = request;
    const budget = Math.max(this.#o.leastMs, request.deadline - this.#o.clock.now());
    const startedAt = performance.now();
    const deadline = Date.now() + budget;
    const body: ServiceRequest = { input, key, deadline, traceparent, ...(again ? { again } : {}) };
    let late = false;
    // Whoever asked goes on without it from then on, and may ask again: it must not be done after all.
    const mayStill = (): boolean => !late && (mayAct?.() ?? true);
    const here = this.#o.local?.call(service, operation, body, mayStill);
    if (here) {
      return inTime(here, budget, () => {
        late = true;
        return timedOut(service, operation);
      });
    }
    const payload = encoder.encode(JSON.stringify(body));
    for (;;) {
      const left = budget - (performance.now() - startedAt);
      if (left <= 0) return timedOut(service, operation);
      try {
        const reply = await this.#request(this.#o.subject(service, operation), payload, left);
        return JSON.parse(decoder.decode(reply.data));
      } catch (error) {
        const name = (error as Error).name;
        if (name === "BusTimeoutError") return timedOut(service, operation);
        if (name !== "NoRespondersError" && name !== "BusClosedError") {
          return {
            ok: false,
            error: { code: "failed", message: `${service}.${operation}: ${name}`, retryable: true },
          };
        }
        if (name === "BusClosedError" || performance.now() - startedAt > this.#o.lookForMs) {
          return {
            ok: false,
            error: { code: "unavailable", message: `nobody serves ${service}.${operation}`, retryable: true },
          };
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      }
    }
  }

  /**
   * Core NATS keeps nothing: a request or an answer that was on its way when the connection broke is lost. It is sent
   * again under the same key once the connection is back; the first answer counts.
   */
  #request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<BusMessage> {
    const end = performance.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      let latest = 0;
      const send = (): void => {
        const mine = ++latest;
        this.#bus.request(subject, payload, { timeoutMs: Math.max(1, end - performance.now()) }).then(
          (reply) => {
            stopLooking();
            resolve(reply);
          },
          (error) => {
            if (mine !== latest) return;
            stopLooking();
            reject(error);
          },
        );
      };
      const stopLooking = this.#bus.onStatus((status) => {
        if (status === "connected") send();
      });
      send();
    });
  }
}

/** An agent may not heed its signal; nobody waits for it longer than was said. */
function inTime(
  work: Promise<ServiceAnswer>,
  budgetMs: number,
  late: () => ServiceAnswer,
): Promise<ServiceAnswer> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(late()), Math.min(budgetMs, 2 ** 31 - 1));
    void work.then((answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

function timedOut(service: string, operation: string): ServiceAnswer {
  return {
    ok: false,
    error: { code: "timeout", message: `${service}.${operation} did not answer in time`, retryable: true },
  };
}
