/**
 * The parent process. Nothing inside a process can interrupt a loop in JavaScript, so the runtime runs as a child that
 * sends a heartbeat; when its event loop stands still it is killed and started again. The child has a session of its
 * own: Ctrl-C in a terminal reaches the parent alone, which asks the child to drain.
 */
import { type ChildProcess, fork } from "node:child_process";
import { type Backoff, exponentialBackoff } from "./backoff.ts";
import { type IntensityOptions, RestartIntensity } from "./intensity.ts";

export interface WatchdogOptions {
  /** The runtime's JavaScript file. */
  readonly entry: string;
  readonly args?: readonly string[];
  readonly execArgv?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Silence after which the child is killed, ms. Default 5,000. */
  readonly stallMs?: number;
  /** The same before its first heartbeat, ms: loading takes a while. Default 60,000. */
  readonly startMs?: number;
  /** From the request to drain to the kill, ms. Default 30,000. */
  readonly drainMs?: number;
  /** Default: 5 restarts within a minute. */
  readonly intensity?: IntensityOptions;
  readonly backoff?: Backoff;
  /** Exit codes that stand: done, wrong usage, a missing dependency. Default 0, 2, 3. */
  readonly finalCodes?: readonly number[];
  readonly onEvent?: (event: WatchdogEvent) => void;
  /** Asks for the drain from outside, as SIGTERM does. */
  readonly signal?: AbortSignal;
  /** Where the child's stdout goes. Default `inherit`. */
  readonly stdio?: "inherit" | "ignore";
}

export type WatchdogEvent =
  | { readonly type: "started"; readonly pid: number; readonly restarts: number }
  | { readonly type: "ready"; readonly pid: number }
  | { readonly type: "stalled"; readonly pid: number; readonly silentMs: number }
  | {
      readonly type: "exited";
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  | { readonly type: "restarting"; readonly waitMs: number }
  | { readonly type: "gave-up"; readonly restarts: number }
  | { readonly type: "draining"; readonly pid: number; readonly signal: string }
  | { readonly type: "killed"; readonly pid: number; readonly why: "drain" | "asked twice" };

/** What goes over the pipe between the two. */
export interface WatchdogMessage {
  readonly watchdog: "beat" | "ready";
}

interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly wasReady: boolean;
  readonly stalled: boolean;
}

/** A second SIGINT within this time is the same Ctrl-C: the terminal and npm both deliver it. */
const SAME_CTRL_C_MS = 1_000;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs the child until it ends for good and answers the exit code for this process: the child's own; 128 + number after
 * a signal; 1 when it was given up after too many restarts.
 *
 * A child that ends by itself before it was ever ready is not restarted: it has said why, and would say it again.
 */
export async function runWatchdog(options: WatchdogOptions): Promise<number> {
  const intensity = new RestartIntensity({ max: 5, periodMs: 60_000, ...options.intensity });
  const backoff = options.backoff ?? exponentialBackoff({ firstMs: 250, maxMs: 10_000 });
  const final = options.finalCodes ?? [0, 2, 3];
  const emit = (event: WatchdogEvent) => options.onEvent?.(event);
  const drain = new Drain(options, emit);
  let everReady = false;
  try {
    for (let restarts = 0; ; restarts++) {
      const end = await runChild(options, restarts, drain, emit);
      everReady ||= end.wasReady;
      if (drain.asked) return drain.killed ? 128 + 9 : exitCode(end);
      const byItself = end.code !== null;
      if (byItself && (final.includes(end.code ?? 1) || !everReady)) return exitCode(end);
      if (!intensity.record()) {
        emit({ type: "gave-up", restarts });
        return 1;
      }
      const waitMs = backoff(intensity.recent);
      emit({ type: "restarting", waitMs });
      await drain.during(waitMs);
      if (drain.asked) return exitCode(end);
    }
  } finally {
    drain.close();
  }
}

async function runChild(
  options: WatchdogOptions,
  restarts: number,
  drain: Drain,
  emit: (event: WatchdogEvent) => void,
): Promise<ChildEnd> {
  const child = fork(options.entry, [...(options.args ?? [])], {
    detached: true,
    execArgv: options.execArgv ? [...options.execArgv] : undefined,
    env: { ...(options.env ?? process.env), BAILIWICK_RESTARTS: String(restarts) },
    stdio: [options.stdio ?? "inherit", options.stdio ?? "inherit", options.stdio ?? "inherit", "ipc"],
  });
  const pid = child.pid ?? 0;
  emit({ type: "started", pid, restarts });
  let ready = false;
  const heart = new Heart(options, (silentMs) => {
    emit({ type: "stalled", pid, silentMs });
    child.kill("SIGKILL");
  });
  child.on("message", (message: Partial<WatchdogMessage>) => {
    if (message?.watchdog) heart.beat();
    if (message?.watchdog === "ready" && !ready) {
      ready = true;
      emit({ type: "ready", pid });
    }
  });
  drain.attach(child);
  return new Promise<ChildEnd>((resolve) => {
    const ended = (code: number | null, signal: NodeJS.Signals | null) => {
      heart.stop();
      drain.detach();
      emit({ type: "exited", pid, code, signal });
      resolve({ code, signal, wasReady: ready, stalled: heart.stalled });
    };
    child.once("exit", ended);
    child.once("error", () => {
      // It could not be started at all.
      if (child.pid === undefined) ended(1, null);
    });
  });
}

/** Looks whether heartbeats keep coming. */
class Heart {
  stalled = false;
  readonly #timer: NodeJS.Timeout;
  readonly #stallMs: number;
  readonly #everyMs: number;
  #limitMs: number;
  #last = performance.now();
  #looked = performance.now();

  constructor(options: WatchdogOptions, onStall: (silentMs: number) => void) {
    this.#stallMs = options.stallMs ?? 5_000;
    this.#limitMs = Math.max(options.startMs ?? 60_000, this.#stallMs);
    this.#everyMs = Math.max(10, this.#stallMs / 10);
    this.#timer = setInterval(() => {
      const now = performance.now();
      // A machine that slept, or a parent that was stopped, has heard nothing either: count from here.
      if (now - this.#looked > this.#everyMs * 5) this.#last = now;
      this.#looked = now;
      if (this.stalled || now - this.#last < this.#limitMs) return;
      this.stalled = true;
      onStall(Math.round(now - this.#last));
    }, this.#everyMs);
  }

  beat(): void {
    this.#last = performance.now();
    this.#limitMs = this.#stallMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Hands the request to stop on to the child, and sees to it that it is obeyed. */
class Drain {
  asked = false;
  killed = false;
  readonly #options: WatchdogOptions;
  readonly #emit: (event: WatchdogEvent) => void;
  readonly #handlers = new Map<NodeJS.Signals, () => void>();
  #child: ChildProcess | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #askedAt = 0;

  constructor(options: WatchdogOptions, emit: (event: WatchdogEvent) => void) {
    this.#options = options;
    this.#emit = emit;
    for (const name of SIGNALS) {
      const handler = () => this.#ask(name);
      this.#handlers.set(name, handler);
      process.on(name, handler);
    }
    if (options.signal?.aborted) this.#ask("SIGTERM");
    options.signal?.addEventListener("abort", this.#onAbort);
  }

  attach(child: ChildProcess): void {
    this.#child = child;
    if (this.asked) this.#send("SIGTERM");
  }

  detach(): void {
    this.#child = undefined;
    clearTimeout(this.#deadline);
  }

  /** Waits, but not when a stop is asked for. */
  during(ms: number): Promise<void> {
    if (this.asked) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    clearTimeout(this.#deadline);
    for (const [name, handler] of this.#handlers) process.off(name, handler);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#ask("SIGTERM");

  #ask(name: NodeJS.Signals): void {
    if (this.asked) {
      // Whoever asks twice does not want to wait. SIGTERM is often sent twice by scripts that do.
      const again = performance.now() - this.#askedAt > SAME_CTRL_C_MS;
      if (name === "SIGINT" && again) this.#kill("asked twice");
      return;
    }
    this.asked = true;
    this.#askedAt = performance.now();
    this.#wake?.();
    this.#send(name);
  }

  #send(name: NodeJS.Signals): void {
    const child = this.#child;
    if (!child) return;
    this.#emit({ type: "draining", pid: child.pid ?? 0, signal: name });
    child.kill("SIGTERM");
    this.#deadline = setTimeout(() => this.#kill("drain"), this.#options.drainMs ?? 30_000);
  }

  #kill(why: "drain" | "asked twice"): void {
    if (!this.#child) return;
    this.killed = true;
    this.#emit({ type: "killed", pid: this.#child.pid ?? 0, why });
    this.#child.kill("SIGKILL");
  }
}

function exitCode(end: ChildEnd): number {
  if (end.code !== null) return end.code;
  const numbers: Partial<Record<NodeJS.Signals, number>> = {
    SIGKILL: 9,
    SIGTERM: 15,
    SIGINT: 2,
    SIGSEGV: 11,
    SIGABRT: 6,
  };
  return 128 + ((end.signal && numbers[end.signal]) || 1);
}
