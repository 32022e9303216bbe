/**
 * Keeps the encoder's process alive and fed: batches, time-outs, restarts after a crash.
 *
 * A process and not a thread, because onnxruntime's native part aborts the whole process when its thread is ended in the
 * middle of a run, and a hung or crashed model must not take the desk with it.
 */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EncoderError } from "./encoder-error.ts";
import type { EncoderInput, FromWorker, ToWorker, WorkerSettings } from "./encoder-protocol.ts";

/** A request of up to this many texts is somebody's turn and goes before bulk work. */
export const INTERACTIVE = 4;
/**
 * How far the priority of a process is below the desk's: where there are few processors, the event loop would wait for one while a
 * text is encoded, up to 10 ms, and everybody with it.
 */
export const NICENESS = 5;
/** More crashes than this within the window, and the encoder is down for a while. */
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;
const COOL_DOWN_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A batch that was under way twice when the process died is taken to be the reason. */
const MAX_ATTEMPTS = 2;

export interface ProcessOptions {
  readonly settings: WorkerSettings;
  readonly maxBatch: number;
  readonly startTimeoutMs: number;
  readonly batchTimeoutMs: number;
}

interface Job {
  readonly text: EncoderInput;
  attempts: number;
  readonly done: (vector: Float32Array) => void;
  readonly failed: (error: Error) => void;
}

export class EncoderProcess {
  #worker: ChildProcess | undefined;
  #state: "starting" | "up" | "down" | "closed" = "starting";
  #dimension = 0;
  readonly #urgent: Job[] = [];
  readonly #bulk: Job[] = [];
  #flying: { batch: number; jobs: readonly Job[] } | undefined;
  #batches = 0;
  #deadline: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #crashes: number[] = [];
  #restarts = 0;

  constructor(readonly options: ProcessOptions) {}

  /** Starts the process and answers the dimension of its vectors. */
  async start(): Promise<number> {
    try {
      await this.#launch();
    } catch (error) {
      this.#state = "closed";
      throw error;
    }
    return this.#dimension;
  }

  encode(texts: readonly EncoderInput[], signal?: AbortSignal): Promise<Float32Array[]> {
    if (this.#state === "closed") return Promise.reject(new EncoderError("closed", "the encoder is closed"));
    if (this.#state === "down") return Promise.reject(this.#unavailable());
    return new Promise((resolve, reject) => {
      const vectors: Float32Array[] = [];
      let open = texts.length;
      const queue = texts.length <= INTERACTIVE ? this.#urgent : this.#bulk;
      const settle = (act: () => void) => {
        signal?.removeEventListener("abort", onAbort);
        act();
      };
      const jobs = texts.map(
        (text, i): Job => ({
          text,
          attempts: 0,
          done: (vector) => {
            vectors[i] = vector;
            if (--open === 0) settle(() => resolve(vectors));
          },
          failed: (error) => settle(() => reject(error)),
        }),
      );
      const onAbort = () => {
        const dropped = new Set(jobs);
        for (const list of [this.#urgent, this.#bulk]) {
          for (let i = list.length - 1; i >= 0; i--) if (dropped.has(list[i]!)) list.splice(i, 1);
        }
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      queue.push(...jobs);
      // What the same turn of the event loop asks for shares a batch, which is far cheaper than one by one.
      setImmediate(() => this.#dispatch());
    });
  }

  /** The process that runs now; none while it is being replaced. */
  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  health(): { state: string; restarts: number; waiting: number } {
    return {
      state: this.#state,
      restarts: this.#restarts,
      waiting: this.#urgent.length + this.#bulk.length + (this.#flying?.jobs.length ?? 0),
    };
  }

  /** Ends the process; what waits is rejected. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#deadline);
    clearTimeout(this.#pause);
    this.#rejectAll(new EncoderError("closed", "the encoder was closed"));
    const worker = this.#worker;
    this.#worker = undefined;
    if (!worker) return;
    const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    // It ends by itself when nobody is connected to it any more.
    if (worker.connected) worker.disconnect();
    const impatient = setTimeout(() => worker.kill("SIGKILL"), 2_000);
    await gone;
    clearTimeout(impatient);
  }

  #launch(): Promise<void> {
    this.#state = "starting";
    const worker = fork(workerFile(), [JSON.stringify(this.options.settings)], {
      // The libraries print; nothing of that belongs on the desk's output.
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      serialization: "advanced",
      execArgv: [],
      env: environment(),
    });
    let lastWords = "";
    worker.stderr?.setEncoding("utf8").on("data", (text: string) => {
      lastWords = (lastWords + text).slice(-2_000);
    });
    this.#worker = worker;
    return new Promise((resolve, reject) => {
      let started = false;
      let reason = "it ended";
      const timer = setTimeout(() => {
        reason = `it was not ready after ${this.options.startTimeoutMs} ms`;
        worker.kill("SIGKILL");
      }, this.options.startTimeoutMs);
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "ready") {
          started = true;
          clearTimeout(timer);
          this.#dimension = message.dimension;
          if (this.#state === "starting") this.#state = "up";
          this.#dispatch();
          resolve();
        } else this.#landed(message);
      });
      worker.on("error", (error) => {
        reason = error.message;
      });
      // Not `exit`: its last words may still be on the way then.
      worker.on("close", () => {
        clearTimeout(timer);
        reason = firstError(lastWords) ?? reason;
        if (this.#worker !== worker) return;
        this.#worker = undefined;
        if (!started) {
          const { model, modelsDir } = this.options.settings;
          const message = `the encoder ${model} in ${modelsDir} cannot be loaded: ${reason}`;
          reject(new EncoderError("unavailable", message));
          if (this.#restarts === 0) return;
        }
        this.#crashed();
      });
    });
  }

  #dispatch(): void {
    if (this.#state !== "up" || this.#flying || !this.#worker) return;
    const queue = this.#urgent.length > 0 ? this.#urgent : this.#bulk;
    const jobs = queue.splice(0, this.options.maxBatch);
    if (jobs.length === 0) return;
    const batch = ++this.#batches;
    this.#flying = { batch, jobs };
    for (const job of jobs) job.attempts++;
    const worker = this.#worker;
    this.#deadline = setTimeout(() => void worker.kill("SIGKILL"), this.options.batchTimeoutMs);
    const message: ToWorker = { kind: "encode", batch, texts: jobs.map((job) => job.text) };
    // A process that is just dying cannot be sent to; its end is noticed by its exit.
    worker.send(message, () => {});
  }

  #landed(message: Exclude<FromWorker, { kind: "ready" }>): void {
    const flying = this.#flying;
    if (flying?.batch !== message.batch) return;
    clearTimeout(this.#deadline);
    this.#flying = undefined;
    for (const [i, job] of flying.jobs.entries()) {
      if (message.kind === "failed") {
        job.failed(new EncoderError("unavailable", `the encoder failed on a text: ${message.message}`));
      } else {
        // Copies, so that one cached vector does not keep its whole batch in memory.
        job.done(message.data.slice(i * this.#dimension, (i + 1) * this.#dimension));
      }
    }
    this.#dispatch();
  }

  #crashed(): void {
    if (this.#state === "closed") return;
    clearTimeout(this.#deadline);
    const flying = this.#flying?.jobs ?? [];
    this.#flying = undefined;
    this.#state = "starting";
    for (const job of flying.filter((each) => each.attempts >= MAX_ATTEMPTS)) job.failed(this.#unavailable());
    this.#urgent.unshift(...flying.filter((each) => each.attempts < MAX_ATTEMPTS));

    const now = performance.now();
    this.#crashes = [...this.#crashes.filter((at) => now - at < RESTART_WINDOW_MS), now];
    this.#restarts++;
    const often = this.#crashes.length > MAX_RESTARTS;
    if (often) {
      this.#state = "down";
      this.#rejectAll(this.#unavailable());
      this.#crashes = [];
    }
    const pause = often
      ? COOL_DOWN_MS
      : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#crashes.length - 1));
    // A failed start is a crash again and comes back here by the exit of its process.
    this.#pause = setTimeout(() => void this.#launch().catch(() => {}), pause);
  }

  #rejectAll(error: Error): void {
    const jobs = [...(this.#flying?.jobs ?? []), ...this.#urgent.splice(0), ...this.#bulk.splice(0)];
    this.#flying = undefined;
    for (const job of jobs) job.failed(error);
  }

  #unavailable(): EncoderError {
    return new EncoderError(
      "unavailable",
      `the encoder ${this.options.settings.model} crashed and is being restarted; try again later`,
    );
  }
}

/** Of what a failing start printed, the line that says why. */
function firstError(words: string): string | undefined {
  return words
    .split("\n")
    .find((line) => /^\w*Error\b/.test(line))
    ?.slice(0, 300);
}

/** What the process needs to know; the desk's secrets are not among it. */
function environment(): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "TMPDIR", "TEMP", "LANG", "SystemRoot", "LD_LIBRARY_PATH"];
  return Object.fromEntries(names.map((name) => [name, process.env[name]]).filter(([, value]) => value));
}

/** The process runs compiled files only; when this file itself runs from its source, the build is looked up in `dist`. */
function workerFile(): string {
  const here = fileURLToPath(import.meta.url);
  if (here.endsWith(".js")) return join(dirname(here), "encoder-worker.js");
  const file = join(dirname(here), "..", "..", "dist", "memory", "encoder", "encoder-worker.js");
  if (!existsSync(file)) {
    throw new EncoderError(
      "missing",
      `${file} is not there: build first with \`npx tsc -p .\` (or \`npm run setup\`)`,
    );
  }
  return file;
}
