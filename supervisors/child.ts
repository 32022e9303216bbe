/** A child of a supervisor: one run of it after the other, each started, watched and stopped by its deadlines. */
import type { JsonObject } from "../runtime/json.ts";
import {
  type ChildHandle,
  type ChildSettings,
  type ChildSpec,
  type ChildStart,
  type ChildType,
  type RestartType,
  settingsOf,
} from "./child-spec.ts";
import { ChildCancelledError, ChildTimeoutError } from "./errors.ts";

export type ChildState =
  | "idle"
  | "starting"
  | "running"
  | "restarting"
  | "stopping"
  | "finished"
  | "stopped"
  | "ignored";

export interface ChildStatus {
  readonly id: string;
  readonly state: ChildState;
  readonly restart: RestartType;
  readonly type: ChildType;
  readonly restarts: number;
  /** Message of the last failure. */
  readonly lastError?: string;
  readonly detail?: JsonObject;
}

/** Longer timers Node would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Child {
  state: ChildState = "idle";
  restarts = 0;
  lastError: Error | undefined;
  /** It is restarted, alone or with its siblings, unless this is given up. */
  beingRestarted = false;
  #settings: ChildSettings;
  #begin: ChildSpec["start"];
  #handle: ChildHandle | undefined;
  #abort = new AbortController();
  #cancel: (() => void) | undefined;
  #run = 0;

  constructor(spec: ChildSpec) {
    this.#settings = settingsOf(spec);
    this.#begin = (context) => spec.start(context);
  }

  get id(): string {
    return this.#settings.id;
  }

  get settings(): ChildSettings {
    return this.#settings;
  }

  get restart(): RestartType {
    return this.#begin === gone ? "temporary" : this.#settings.restart;
  }

  /** Tells the end of one run from that of an earlier one, which may be known only later. */
  get run(): number {
    return this.#run;
  }

  get info(): unknown {
    return this.#handle?.info;
  }

  /** New settings hold at once, another `begin` from the next start on. */
  change(settings: ChildSettings, begin: ChildSpec["start"] = this.#begin): void {
    this.#settings = settings;
    this.#begin = begin;
    this.#forgetStart();
  }

  /**
   * Leaves it `running`, or `ignored` where its start says so.
   * @throws whatever `start` throws, ChildTimeoutError, or ChildCancelledError after `giveUp`.
   */
  async start(onExit: (error: Error | undefined, run: number) => void): Promise<void> {
    const run = ++this.#run;
    const abort = new AbortController();
    this.#abort = abort;
    this.state = "starting";
    let exited: { error: Error | undefined } | undefined;
    const context = {
      signal: abort.signal,
      exited: (error?: Error) => {
        if (exited || run !== this.#run) return;
        exited = { error };
        if (this.state === "running") onExit(error, run);
      },
    };
    // No variable of this function may hold what starts it: a child keeps its context, and so this scope.
    const starting = Promise.resolve(context).then(this.#begin);
    const cancelled = new Promise<never>((_, reject) => {
      this.#cancel = () => reject(new ChildCancelledError(`the start of ${this.id} was given up`));
    });
    const limit = this.#settings.startTimeoutMs;
    const late = () => new ChildTimeoutError(`${this.id} was not ready within ${limit} ms`);
    let started: ChildStart;
    try {
      started = await within(Promise.race([starting, cancelled]), limit, late);
    } catch (error) {
      this.#run++;
      abort.abort();
      await this.#release(starting);
      this.state = "idle";
      throw error;
    } finally {
      this.#cancel = undefined;
    }
    if (started === "ignore") {
      this.#run++;
      abort.abort();
      this.state = "ignored";
      return;
    }
    this.#handle = started;
    this.state = "running";
    this.#forgetStart();
    // It may have ended before it said that it was ready.
    if (exited) queueMicrotask(() => onExit(exited?.error, run));
  }

  /** The wait before it is started again; short when that is given up. */
  async pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#cancel = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#cancel = undefined;
  }

  /** Gives up a start or restart that is under way: nobody waits for it any more. */
  giveUp(): void {
    this.beingRestarted = false;
    this.#cancel?.();
  }

  /** Stops it; false when it had to be killed. A stop that throws counts as stopped. */
  async stop(): Promise<boolean> {
    this.#run++;
    const handle = this.#handle;
    this.#handle = undefined;
    this.state = "stopping";
    this.#abort.abort();
    const orderly = !handle || (await this.#end(handle));
    if (!orderly) killQuietly(handle);
    this.state = "stopped";
    return orderly;
  }

  which(): ChildStatus {
    return {
      id: this.id,
      state: this.state,
      restart: this.restart,
      type: this.#settings.type,
      restarts: this.restarts,
      lastError: this.lastError?.message,
      detail: this.#handle?.which?.(),
    };
  }

  async #end(handle: ChildHandle): Promise<boolean> {
    const limit = this.#settings.stopTimeoutMs;
    if (limit === "brutal_kill") return false;
    if (!handle.stop) return true;
    const stopping = Promise.resolve().then(() => handle.stop?.());
    const late = () => new ChildTimeoutError(`${this.id} did not stop within ${limit} ms`);
    try {
      await within(stopping, limit, late);
    } catch (error) {
      this.lastError = error as Error;
      if (error instanceof ChildTimeoutError) return false;
    }
    return true;
  }

  /** Should it get ready after all, nobody would stop it. */
  async #release(starting: Promise<ChildStart>): Promise<void> {
    const released = starting.then((late) => (late === "ignore" ? undefined : late.stop?.()));
    released.catch(() => {});
    const { type, stopTimeoutMs } = this.#settings;
    // A supervisor stops what it has started by the deadlines of its children, and before its own siblings are stopped.
    if (type === "supervisor" && stopTimeoutMs !== "brutal_kill") {
      await within(released, stopTimeoutMs, () => new ChildTimeoutError(this.id)).catch(() => {});
    }
  }

  /** A temporary child is not started twice: what starts it may be large, and there may be many of them. */
  #forgetStart(): void {
    if (this.#handle && this.#settings.restart === "temporary") this.#begin = gone;
  }
}

function gone(): never {
  throw new Error("a temporary child is not started twice");
}

function killQuietly(handle: ChildHandle): void {
  try {
    handle.kill?.();
  } catch {
    // Nothing harder than a kill is left to try.
  }
}

async function within<T>(promise: Promise<T>, ms: number, error: () => Error): Promise<T> {
  if (ms > LONGEST_TIMER_MS) return promise;
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
