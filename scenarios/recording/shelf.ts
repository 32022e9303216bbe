/** Recordings that are played several times are read once, as far as there is room for them. */
import { statSync } from "node:fs";
import { readRecordings } from "./read.ts";
import type { Recording } from "./recording.ts";

/** Bytes of the files whose recordings are kept; in memory they take some times as much. */
export const SHELF_BYTES = 16 * 1024 * 1024;

export class Shelf {
  readonly #kept = new Map<string, readonly Recording[]>();
  #room: number;

  /** @param room bytes of files; 0 keeps nothing. Default 16 MiB */
  constructor(room = SHELF_BYTES) {
    this.#room = room;
  }

  /** What changed in a file since it was read is not seen. @throws UsageError with file and line */
  async *recordings(file: string): AsyncGenerator<Recording> {
    const kept = this.#kept.get(file);
    if (kept) {
      yield* kept;
      return;
    }
    const { size } = statSync(file);
    const all: Recording[] | undefined = size <= this.#room ? [] : undefined;
    for await (const recording of readRecordings(file)) {
      all?.push(recording);
      yield recording;
    }
    if (!all) return;
    this.#room -= size;
    this.#kept.set(file, all);
  }
}
