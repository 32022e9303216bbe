/** Serves resident agents on the bus: `bw.<workspace>.svc.<name>.<operation>`, one queue group a service. */
import type { Bus, BusMessage, BusSubscription } from "../bus/bus.ts";
import type { Json, JsonObject } from "../json.ts";
import type { AskFailure } from "./machine.ts";
import { AskError, type Service } from "./service.ts";

/** A request as it travels. */
export interface ServiceRequest {
  readonly input: JsonObject;
  readonly key: string;
  readonly deadline: number;
  readonly traceparent?: string;
}

export type ServiceAnswer =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: AskFailure };

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
  readonly #stopping = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();

  constructor(bus: Bus, services: readonly Service[], options: ServiceHostOptions) {
    this.#bus = bus;
    this.#services = services;
    this.#o = options;
  }

  async start(): Promise<void> {
    for (const service of this.#services) {
      await service.start?.();
      const subscription = this.#bus.subscribe(
        this.#o.subject(service.name),
        (message) => {
          const work = this.#serve(service, message);
          this.#inFlight.add(work);
          void work.finally(() => this.#inFlight.delete(work));
        },
        { queue: service.name },
      );
      this.#subscriptions.push(subscription);
    }
    await this.#bus.flush();
  }

  health(): JsonObject {
    return Object.fromEntries(this.#services.map((s) => [s.name, s.health?.() ?? { state: "up" }]));
  }

  /** Takes nothing new, gives what is under way `graceMs` to end, then aborts it. */
  async stop(graceMs = 2_000): Promise<void> {
    for (const s of this.#subscriptions) s.unsubscribe();
    await Promise.race([
      Promise.allSettled([...this.#inFlight]),
      new Promise((resolve) => setTimeout(resolve, graceMs).unref()),
    ]);
    this.#stopping.abort();
    for (const service of [...this.#services].reverse()) await service.stop?.();
  }

  async #serve(service: Service, message: BusMessage): Promise<void> {
    const operation = message.subject.slice(message.subject.lastIndexOf(".") + 1);
    const answer = await this.#answer(service, operation, message);
    message.respond(encoder.encode(JSON.stringify(answer)));
  }

  async #answer(service: Service, operation: string, message: BusMessage): Promise<ServiceAnswer> {
    const run = Object.hasOwn(service.operations, operation) ? service.operations[operation] : undefined;
    if (!run) return failure("invalid", `${service.name} has no operation ${operation}`, false);
    const late = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    try {
      const request: ServiceRequest = JSON.parse(decoder.decode(message.data));
      const left = request.deadline - Date.now();
      timer = setTimeout(() => late.abort(), Math.max(0, Math.min(left, 2 ** 31 - 1)));
      const value = await run(request.input, {
        idempotencyKey: request.key,
        deadline: request.deadline,
        signal: AbortSignal.any([late.signal, this.#stopping.signal]),
        traceparent: request.traceparent,
      });
      return { ok: true, value };
    } catch (error) {
      if (error instanceof AskError) return failure(error.code, error.message, error.retryable);
      this.#o.onError?.(service.name, operation, error);
      return failure("failed", `${service.name}.${operation} failed`, true);
    } finally {
      clearTimeout(timer);
    }
  }
}

function failure(code: string, message: string, retryable: boolean): ServiceAnswer {
  return { ok: false, error: { code, message, retryable } };
}
