/**
 * A second process for many texts at once: articles, examples. It has the lowest of the claims on the processors, so that neither
 * the desk's event loop nor what a customer just asked waits for it, and is there only while there is such work.
 */
import { EncoderError } from "./encoder-error.ts";
import { EncoderProcess, type ProcessOptions } from "./encoder-process.ts";

export interface BulkOptions {
  /** How far its priority is below the desk's, as with `nice`, 0 … 19. Default 19. */
  readonly niceness?: number;
  /** It ends when nothing was asked of it for so long, ms. Default 10,000. */
  readonly idleMs?: number;
}

export class BulkProcess {
  readonly #o: ProcessOptions;
  readonly #idleMs: number;
  #running: Promise<EncoderProcess> | undefined;
  /** The one that is up. */
  #up: EncoderProcess | undefined;
  /** Requests under way. */
  #open = 0;
  #restarts = 0;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ProcessOptions, { niceness = 19, idleMs = 10_000 }: BulkOptions = {}) {
    this.#o = { ...options, settings: { ...options.settings, niceness } };
    this.#idleMs = idleMs;
  }

  /** @throws EncoderError when it can't be started, or run; the signal's reason when aborted */
  async encode(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    if (this.#closed) throw new EncoderError("closed", "the encoder is closed");
    clearTimeout(this.#idle);
    this.#open++;
    try {
      this.#running ??= this.#start();
      const process = await this.#running;
      signal?.throwIfAborted();
      return await process.encode(texts, signal);
    } finally {
      if (--this.#open === 0 && !this.#closed) {
        this.#idle = setTimeout(() => void this.#end(), this.#idleMs);
        this.#idle.unref();
      }
    }
  }

  /** The process that runs now. */
  get pid(): number | undefined {
    return this.#up?.pid;
  }

  health(): { restarts: number; waiting: number } {
    const { restarts, waiting } = this.#up?.health() ?? { restarts: 0, waiting: 0 };
    return { restarts: this.#restarts + restarts, waiting };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.#end();
  }

  async #start(): Promise<EncoderProcess> {
    const process = new EncoderProcess(this.#o);
    try {
      await process.start();
    } catch (error) {
      this.#running = undefined;
      throw error;
    }
    this.#up = process;
    return process;
  }

  async #end(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    const process = await running?.catch(() => undefined);
    if (!process) return;
    this.#restarts += process.health().restarts;
    if (this.#up === process) this.#up = undefined;
    await process.close();
  }
}
