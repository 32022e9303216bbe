/** A file that lines are appended to and that is put aside when it has grown: `name`, `name.1` (newest) … `name.<keep>`. */
import { appendFileSync, mkdirSync } from "node:fs";
import { appendFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

export interface RotatingFileOptions {
  readonly file: string;
  /** Size at which it is put aside, bytes. Default 10 MiB. */
  readonly maxBytes?: number;
  /** Files put aside that are kept. Default 5. */
  readonly keep?: number;
  /** Characters that may wait to be written; more is dropped. Default 4 Mi. */
  readonly maxWaiting?: number;
}

/** Writes in the background. What cannot be written (a full disk) is dropped: a log must not stop the desk. */
export class RotatingFile {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #keep: number;
  readonly #maxWaiting: number;
  #waiting = "";
  #writing: Promise<void> | undefined;
  /** Undefined until it was looked at. */
  #bytes: number | undefined;
  #closed = false;
  /** Lines that were dropped since the start. */
  dropped = 0;

  /** @throws when the folder cannot be made. */
  constructor(options: RotatingFileOptions) {
    this.#file = options.file;
    this.#maxBytes = options.maxBytes ?? 10 * 1024 * 1024;
    this.#keep = options.keep ?? 5;
    this.#maxWaiting = options.maxWaiting ?? 4 * 1024 * 1024;
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
  }

  write(line: string): void {
    if (this.#closed || this.#waiting.length + line.length > this.#maxWaiting) {
      this.dropped++;
      return;
    }
    this.#waiting += line;
    this.#writing ??= this.#pump();
  }

  /** Resolves when all that was handed in has been written or dropped. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Writes what waits at once; for the last moment of a process. */
  flushSync(): void {
    const rest = this.#waiting;
    this.#waiting = "";
    try {
      if (rest) appendFileSync(this.#file, rest, { mode: 0o600 });
    } catch {
      this.dropped += countLines(rest);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  async #pump(): Promise<void> {
    // Lines of one moment are written together.
    await null;
    while (this.#waiting) {
      const chunk = this.#take();
      try {
        this.#bytes ??= await sizeOf(this.#file);
        if (this.#bytes >= this.#maxBytes) await this.#putAside();
        await appendFile(this.#file, chunk, { mode: 0o600 });
        this.#bytes += Buffer.byteLength(chunk);
      } catch {
        this.dropped += countLines(chunk);
        this.#bytes = undefined;
      }
    }
    this.#writing = undefined;
  }

  /** As many whole lines as fit into the file, at least one. */
  #take(): string {
    const text = this.#waiting;
    const room = Math.max(0, this.#maxBytes - (this.#bytes ?? 0));
    let end = text.length <= room ? text.length : text.lastIndexOf("\n", room) + 1;
    if (end <= 0) end = text.indexOf("\n") + 1 || text.length;
    this.#waiting = text.slice(end);
    return text.slice(0, end);
  }

  async #putAside(): Promise<void> {
    await rm(this.#keep === 0 ? this.#file : `${this.#file}.${this.#keep}`, { force: true });
    for (let i = this.#keep - 1; i >= 0; i--) {
      try {
        await rename(i === 0 ? this.#file : `${this.#file}.${i}`, `${this.#file}.${i + 1}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
    this.#bytes = 0;
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}
