/** Serves resident agents on the bus: `bw.<workspace>.svc.<name>.<operation>`, one queue group a service. */
import type { Bus, BusMessage, BusSubscription } from "../bus/bus.ts";
import { copyJson, type Json, type JsonObject } from "../json.ts";
import type { AskFailure } from "./machine.ts";
import { AskError, type Operation, type Service } from "./service.ts";

/** A request as it travels. */
export interface ServiceRequest {
  readonly input: JsonObject;
  readonly key: string;
  readonly deadline: number;
  readonly traceparent?: string;
  /** Another node may have made it before, under the same key. */
  readonly again?: boolean;
}

export type ServiceAnswer =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: AskFailure };

interface Working {
  readonly answer: Promise<ServiceAnswer>;
  readonly mayAct?: () => boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface ServiceHostOptions {
  /** Subject of all operations of a service. */
  readonly subject: (service: string) => string;
  /** Called with what an operation threw that is no `AskError`: a defect or a system's failure, for the log. */
  readonly onError?: (service: string, operation: string, error: unknown) => void;
}

export class ServiceHost {
  readonly #bus: Bus;
  readonly #services: readonly Service[];
  readonly #o: ServiceHostOptions;
  readonly #subscriptions: BusSubscription[] = [];
  readonly #started: Service[] = [];
  /** What to abort at a stop: one for each call under way. */
  readonly #calls = new Set<AbortController>();
  /** Work under way by service, operation and key: who asks again meanwhile gets the same answer. */
  readonly #working = new Map<string, Working>();
  readonly #inFlight = new Set<Promise<unknown>>();
  /** Started and not stopping, by name. */
  readonly #open = new Map<string, Service>();

  constructor(bus: Bus, services: readonly Service[], options: ServiceHostOptions) {
    this.#bus = bus;
    this.#services = services;
    this.#o = options;
  }

  async start(): Promise<void> {
    for (const service of this.#services) {
      this.#started.push(service);
      await service.start?.();
      const subscription = this.#bus.subscribe(
        this.#o.subject(service.name),
        (message) => {
          void this.#tracked(this.#serve(service, message));
        },
        { queue: service.name },
      );
      this.#subscriptions.push(subscription);
      this.#open.set(service.name, service);
    }
    await this.#bus.flush();
  }

  /**
   * A call from this node itself, without the way over the server; undefined when the service is not served here. Never
   * throws. Input and answer are copies, as they are over the bus.
   * @param mayAct see `AskContext.mayAct`
   */
  call(
    service: string,
    operation: string,
    request: ServiceRequest,
    mayAct?: () => boolean,
  ): Promise<ServiceAnswer> | undefined {
    const found = this.#open.get(service);
    if (!found) return undefined;
    const work = this.#run(found, operation, { ...request, input: copyJson(request.input) }, mayAct);
    return this.#tracked(work.then((answer) => this.#sendable(service, operation, answer, asJson)));
  }

  /** Whether an operation that is served here may be asked any number of times. */
  isRepeatable(service: string, operation: string): boolean {
    return this.#open.get(service)?.repeatable?.includes(operation) ?? false;
  }

  health(): JsonObject {
    return Object.fromEntries(this.#services.map((s) => [s.name, s.health?.() ?? { state: "up" }]));
  }

  /** Takes nothing new, gives what is under way `graceMs` to end, then aborts it. */
  async stop(graceMs = 2_000): Promise<void> {
    this.#open.clear();
    for (const s of this.#subscriptions) s.unsubscribe();
    await Promise.race([
      Promise.allSettled([...this.#inFlight]),
      new Promise((resolve) => setTimeout(resolve, graceMs).unref()),
    ]);
    for (const call of this.#calls) call.abort();
    for (const service of this.#started.reverse()) {
      try {
        await service.stop?.();
      } catch (error) {
        this.#o.onError?.(service.name, "stop", error);
      }
    }
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    this.#inFlight.add(work);
    return work.finally(() => this.#inFlight.delete(work));
  }

  /** Never throws: what can't be answered is reported. */
  async #serve(service: Service, message: BusMessage): Promise<void> {
    const operation = message.subject.slice(message.subject.lastIndexOf(".") + 1);
    const answer = await this.#answer(service, operation, message);
    try {
      this.#sendable(service.name, operation, answer, (fit) =>
        message.respond(encoder.encode(JSON.stringify(fit))),
      );
    } catch (error) {
      // Not even the failure: whoever asked has a time-out.
      this.#o.onError?.(service.name, operation, error);
    }
  }

  /** Sends an answer; one that can't be sent, being no JSON or too large for the bus, is a failure of the agent. */
  #sendable<T>(
    service: string,
    operation: string,
    answer: ServiceAnswer,
    send: (answer: ServiceAnswer) => T,
  ): T {
    try {
      return send(answer);
    } catch (error) {
      this.#o.onError?.(service, operation, error);
      return send(failure("failed", `the answer of ${service}.${operation} cannot be sent`, false));
    }
  }

  async #answer(service: Service, operation: string, message: BusMessage): Promise<ServiceAnswer> {
    let request: ServiceRequest;
    try {
      request = JSON.parse(decoder.decode(message.data));
      if (typeof request.key !== "string") throw new TypeError("no key");
    } catch {
      return failure("invalid", `the request to ${service.name}.${operation} is none`, false);
    }
    return this.#run(service, operation, request);
  }

  /** One piece of work for a key, however many ask for it meanwhile. */
  async #run(
    service: Service,
    operation: string,
    request: ServiceRequest,
    mayAct?: () => boolean,
  ): Promise<ServiceAnswer> {
    const run = Object.hasOwn(service.operations, operation) ? service.operations[operation] : undefined;
    if (!run) return failure("invalid", `${service.name} has no operation ${operation}`, false);
    const name = `${service.name}.${operation} ${request.key}`;
    for (let already = this.#working.get(name); already; already = this.#working.get(name)) {
      const answer = await already.answer;
      // It was made for a tenure that is over, and may have failed for that.
      if (answer.ok || (already.mayAct?.() ?? true)) return answer;
    }
    const work = this.#perform(service.name, operation, run, request, mayAct).finally(() =>
      this.#working.delete(name),
    );
    this.#working.set(name, { answer: work, mayAct });
    return work;
  }

  async #perform(
    service: string,
    operation: string,
    run: Operation,
    request: ServiceRequest,
    mayAct?: () => boolean,
  ): Promise<ServiceAnswer> {
    const call = new AbortController();
    this.#calls.add(call);
    const left = request.deadline - Date.now();
    const timer = setTimeout(() => call.abort(), Math.max(0, Math.min(left, 2 ** 31 - 1)));
    try {
      const value = await run(request.input, {
        idempotencyKey: request.key,
        deadline: request.deadline,
        signal: call.signal,
        traceparent: request.traceparent,
        ...(request.again ? { again: true } : {}),
        ...(mayAct ? { mayAct } : {}),
      });
      return { ok: true, value };
    } catch (error) {
      if (error instanceof AskError) return failure(error.code, error.message, error.retryable);
      this.#o.onError?.(service, operation, error);
      return failure("failed", `${service}.${operation} failed`, true);
    } finally {
      clearTimeout(timer);
      this.#calls.delete(call);
    }
  }
}

function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function failure(code: string, message: string, retryable: boolean): ServiceAnswer {
  return { ok: false, error: { code, message, retryable } };
}
