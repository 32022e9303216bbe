/** What a supervisor starts, watches and stops. */
import type { JsonObject } from "../runtime/json.ts";

/** `permanent`: always restarted. `transient`: only after a failure. `temporary`: never, and forgotten when it ends. */
export type RestartType = "permanent" | "transient" | "temporary";

export interface ChildContext {
  /** Aborted when the child is to stop, at the latest when it has ended. */
  readonly signal: AbortSignal;
  /** To be called when the child ends by itself: with an error after a failure, without one when it is done. */
  exited(error?: Error): void;
}

/** A child that runs. */
export interface ChildHandle {
  /** Releases everything; called for a child that failed, too. */
  stop?(): Promise<void> | void;
  /** Called when `stop` has not finished by its deadline. */
  kill?(): void;
  /** What `status` shows of it. */
  which?(): JsonObject;
}

export interface ChildSpec {
  /** Unique within its supervisor. */
  readonly id: string;
  /** Resolves when the child is ready for those that start after it. */
  start(context: ChildContext): Promise<ChildHandle> | ChildHandle;
  /** Default `permanent`. */
  readonly restart?: RestartType;
  /** From the call of `start` to ready, ms; after it the start has failed. Default 60,000. */
  readonly startTimeoutMs?: number;
  /** From the call of `stop` to stopped, ms; after it the child is killed and left. Default 10,000. */
  readonly stopTimeoutMs?: number;
}

export type ChildState = "idle" | "starting" | "running" | "restarting" | "stopping" | "finished" | "stopped";

export interface ChildStatus {
  readonly id: string;
  readonly state: ChildState;
  readonly restart: RestartType;
  readonly restarts: number;
  /** Message of the last failure. */
  readonly lastError?: string;
  readonly detail?: JsonObject;
}

export class ChildTimeoutError extends Error {
  override readonly name = "ChildTimeoutError";
}

export class ChildCancelledError extends Error {
  override readonly name = "ChildCancelledError";
}

export class Child {
  readonly spec: ChildSpec;
  state: ChildState = "idle";
  restarts = 0;
  lastError: Error | undefined;
  #handle: ChildHandle | undefined;
  #abort = new AbortController();
  #cancel: (() => void) | undefined;
  #run = 0;

  constructor(spec: ChildSpec) {
    this.spec = spec;
  }

  get restart(): RestartType {
    return this.spec.restart ?? "permanent";
  }

  /** Tells the end of one run from that of an earlier one, which may be known only later. */
  get run(): number {
    return this.#run;
  }

  /** @throws whatever `start` throws, ChildTimeoutError, or ChildCancelledError after `cancelStart`. */
  async start(onExit: (error: Error | undefined, run: number) => void): Promise<void> {
    const run = ++this.#run;
    const abort = new AbortController();
    this.#abort = abort;
    this.state = "starting";
    let exited: { error: Error | undefined } | undefined;
    const context: ChildContext = {
      signal: abort.signal,
      exited: (error) => {
        if (exited || run !== this.#run) return;
        exited = { error };
        if (this.state === "running") onExit(error, run);
      },
    };
    const limit = this.spec.startTimeoutMs ?? 60_000;
    const starting = Promise.resolve().then(() => this.spec.start(context));
    const cancelled = new Promise<never>((_, reject) => {
      this.#cancel = () => reject(new ChildCancelledError(`the start of ${this.spec.id} was given up`));
    });
    try {
      this.#handle = await within(
        Promise.race([starting, cancelled]),
        limit,
        () => new ChildTimeoutError(`${this.spec.id} was not ready within ${limit} ms`),
      );
    } catch (error) {
      this.#run++;
      abort.abort();
      // Should it get ready after all, nobody would stop it.
      starting.then((late) => late.stop?.()).catch(() => {});
      this.state = "idle";
      throw error;
    } finally {
      this.#cancel = undefined;
    }
    this.state = "running";
    // It may have ended before it said that it was ready.
    if (exited) queueMicrotask(() => onExit(exited?.error, run));
  }

  /** Gives up a start that is under way: nobody waits for it any more. */
  cancelStart(): void {
    this.#cancel?.();
  }

  /** Stops it; false when it had to be killed. A stop that throws counts as stopped. */
  async stop(): Promise<boolean> {
    this.#run++;
    const handle = this.#handle;
    this.#handle = undefined;
    this.state = "stopping";
    this.#abort.abort();
    let orderly = true;
    if (handle?.stop) {
      const limit = this.spec.stopTimeoutMs ?? 10_000;
      const stopping = Promise.resolve().then(() => handle.stop?.());
      try {
        await within(
          stopping,
          limit,
          () => new ChildTimeoutError(`${this.spec.id} did not stop within ${limit} ms`),
        );
      } catch (error) {
        this.lastError = error as Error;
        if (error instanceof ChildTimeoutError) {
          orderly = false;
          killQuietly(handle);
        }
      }
    }
    this.state = "stopped";
    return orderly;
  }

  which(): ChildStatus {
    return {
      id: this.spec.id,
      state: this.state,
      restart: this.restart,
      restarts: this.restarts,
      lastError: this.lastError?.message,
      detail: this.#handle?.which?.(),
    };
  }
}

function killQuietly(handle: ChildHandle): void {
  try {
    handle.kill?.();
  } catch {
    // Nothing harder than a kill is left to try.
  }
}

async function within<T>(promise: Promise<T>, ms: number, error: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(error()), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => {});
  }
}
