/**
 * The language agent in a thread of its own. Reading a message takes milliseconds of plain computing, a long one tens of
 * them, which would hold up every other conversation; and a pattern that never ends would hold up the desk for good.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type MessagePort, Worker } from "node:worker_threads";
import { portTo } from "../../memory/encoder/index.ts";
import { AskError, type Operation, type Service } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { exponentialBackoff } from "../../supervisors/index.ts";
import { type LanguageOptions, languageService } from "./service.ts";
import type { FromThread, ThreadFailure, ThreadSettings, ToThread } from "./thread-protocol.ts";

export interface LanguageThreadOptions extends LanguageOptions {
  /** Compiled entry of the thread. */
  readonly entry?: string;
  /** A port to the encoder where it is in another thread. Default: one to the encoder here. */
  readonly encoderPort?: () => MessagePort;
  /** How long the thread may owe an answer that nobody waits for any more until it is replaced, ms. Default 5,000. */
  readonly stuckMs?: number;
}

const OPERATIONS = ["understand", "ground"] as const;
const ENTRY = fileURLToPath(new URL("./language-worker.js", import.meta.url));

/** `languageService` in a thread. From the sources, where there is no compiled entry, it runs in this one. */
export function languageThread({
  entry = ENTRY,
  stuckMs = 5_000,
  ...options
}: LanguageThreadOptions): Service {
  if (!existsSync(entry)) return languageService(options);
  const thread = new LanguageThread(entry, options, stuckMs);
  return {
    name: "language",
    operations: Object.fromEntries(OPERATIONS.map((operation) => [operation, thread.operation(operation)])),
    repeatable: OPERATIONS,
    health: () => thread.health,
    start: () => thread.start(),
    stop: () => thread.stop(),
  };
}

type ThreadOptions = Omit<LanguageThreadOptions, "entry" | "stuckMs">;

interface Asked {
  readonly resolve: (value: JsonObject) => void;
  readonly reject: (error: Error) => void;
}

class LanguageThread {
  readonly #entry: string;
  readonly #options: ThreadOptions;
  readonly #stuckMs: number;
  readonly #backoff = exponentialBackoff();
  readonly #asks = new Map<number, Asked>();
  #worker: Worker | undefined;
  #ready = false;
  #stopped = false;
  #failures = 0;
  #last = 0;
  #again: NodeJS.Timeout | undefined;
  #health: JsonObject = { state: "starting" };

  constructor(entry: string, options: ThreadOptions, stuckMs: number) {
    this.#entry = entry;
    this.#options = options;
    this.#stuckMs = stuckMs;
  }

  get health(): JsonObject {
    return this.#health;
  }

  operation(name: string): Operation {
    return (input, { signal }) => this.#ask(name, input, signal);
  }

  async start(): Promise<void> {
    this.#stopped = false;
    await this.#launch();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#again);
    await this.#worker?.terminate();
  }

  #ask(operation: string, input: JsonObject, signal: AbortSignal): Promise<JsonObject> {
    const worker = this.#worker;
    if (!worker || !this.#ready) return Promise.reject(away());
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      let stuck: NodeJS.Timeout | undefined;
      const abort = (): void => {
        worker.postMessage({ kind: "abort", id } satisfies ToThread);
        reject(new AskError("timeout", "the language agent took too long", true));
        stuck = setTimeout(() => void worker.terminate(), this.#stuckMs);
        stuck.unref();
      };
      const ended =
        <T>(end: (value: T) => void) =>
        (value: T): void => {
          this.#asks.delete(id);
          clearTimeout(stuck);
          signal.removeEventListener("abort", abort);
          end(value);
        };
      this.#asks.set(id, { resolve: ended(resolve), reject: ended(reject) });
      worker.postMessage({ kind: "ask", id, operation, input } satisfies ToThread);
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }

  /** Resolves when it can read messages. @throws what kept it from that at the first start */
  #launch(): Promise<void> {
    const { encoder, encoderPort = () => portTo(encoder), ...options } = this.#options;
    const port = encoderPort();
    const facts = { id: encoder.id, dimension: encoder.dimension };
    const settings: ThreadSettings = { options, encoder: facts, port };
    const worker = new Worker(this.#entry, { workerData: settings, transferList: [port] });
    this.#worker = worker;
    return new Promise((resolve, reject) => {
      let reason = new Error("the language agent's thread ended");
      worker.on("message", (message: FromThread) => {
        if (message.kind !== "ready") this.#hear(message);
        else {
          this.#ready = true;
          this.#failures = 0;
          this.#health = message.health;
          resolve();
        }
      });
      worker.on("error", (error) => {
        reason = error as Error;
      });
      worker.on("exit", () => {
        reject(reason);
        this.#ended();
      });
    });
  }

  #hear(message: Exclude<FromThread, { kind: "ready" }>): void {
    switch (message.kind) {
      case "answer":
        this.#asks.get(message.id)?.resolve(message.value);
        return;
      case "failure":
        this.#asks.get(message.id)?.reject(errorOf(message.error));
        return;
      case "health":
        this.#health = message.health;
    }
  }

  #ended(): void {
    const wasReady = this.#ready;
    this.#ready = false;
    this.#worker = undefined;
    for (const asked of this.#asks.values()) asked.reject(away());
    this.#asks.clear();
    // What kept it from its first start is the starter's to judge.
    if (this.#stopped || (!wasReady && this.#failures === 0)) return;
    this.#health = { state: "degraded", reason: "its thread ended and is started again" };
    this.#again = setTimeout(() => void this.#launch().catch(() => {}), this.#backoff(++this.#failures));
  }
}

function away(): AskError {
  return new AskError("unavailable", "the language agent is being started", true);
}

/** A defect keeps its words, which are for the log, and gets no code. */
function errorOf({ code, message, retryable }: ThreadFailure): Error {
  return code === undefined ? new Error(message) : new AskError(code, message, retryable);
}
