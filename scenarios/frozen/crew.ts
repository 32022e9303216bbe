/** Plays recordings in several threads of one process, each with a host of its own. */
import { Worker } from "node:worker_threads";
import { UsageError } from "../../runtime/config/errors.ts";
import { entryOf } from "./entry.ts";
import type { FrozenOptions, FrozenResult } from "./result.ts";

export interface CrewSettings {
  readonly playbooks: readonly string[];
  /** Bytes of files whose recordings a thread keeps for the next time. Default 0. */
  readonly shelfBytes?: number;
}

export type CrewJob =
  | { readonly kind: "play"; readonly file: string; readonly options: FrozenOptions }
  /** From now on, nothing is known of what was played. */
  | { readonly kind: "anew" }
  | { readonly kind: "end" };

export type FromCrew =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly file: string; readonly result: FrozenResult }
  | { readonly kind: "failed"; readonly name: string; readonly message: string };

interface Thread {
  readonly worker: Worker;
  /** What is told of each result of the file that it plays. */
  onResult: (file: string, result: FrozenResult) => void;
  settle: { done: () => void; failed: (error: Error) => void } | undefined;
}

/** Almost all that a record makes is dead when it is done with. */
const YOUNG_MIB = 64;
export class Crew {
  readonly #threads: readonly Thread[];

  private constructor(threads: readonly Thread[]) {
    this.#threads = threads;
  }

  /** @param size threads; resolves when each is ready to play */
  static async start(size: number, settings: CrewSettings): Promise<Crew> {
    const threads = Array.from({ length: size }, () => threadOf(settings));
    await Promise.all(threads.map(next));
    return new Crew(threads);
  }

  /** Plays all files, each in the first thread that is free. @throws UsageError for a file that is no recording */
  async play(
    files: readonly string[],
    options: FrozenOptions,
    onResult: (file: string, result: FrozenResult) => void,
  ): Promise<void> {
    const queue = [...files];
    await Promise.all(
      this.#threads.map(async (thread) => {
        thread.onResult = onResult;
        for (let file = queue.shift(); file !== undefined; file = queue.shift())
          await ask(thread, { kind: "play", file, options });
      }),
    );
  }

  /** Every thread begins on an empty host. */
  async anew(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => ask(thread, { kind: "anew" })));
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#threads.map(async ({ worker }) => {
        const gone = new Promise((resolve) => worker.once("exit", resolve));
        worker.postMessage({ kind: "end" } satisfies CrewJob);
        await gone;
      }),
    );
  }
}

function threadOf(settings: CrewSettings): Thread {
  const worker = new Worker(entryOf("crew-thread"), {
    workerData: settings,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  });
  const thread: Thread = { worker, onResult: () => {}, settle: undefined };
  worker.on("message", (message: FromCrew) => {
    if (message.kind === "result") return thread.onResult(message.file, message.result);
    const { settle } = thread;
    thread.settle = undefined;
    if (message.kind === "ready") settle?.done();
    else settle?.failed(errorOf(message.name, message.message));
  });
  worker.on("error", (error) => thread.settle?.failed(error as Error));
  return thread;
}

function errorOf(name: string, message: string): Error {
  return name === "UsageError" ? new UsageError(message) : Object.assign(new Error(message), { name });
}

/** Until it is ready again. */
function next(thread: Thread): Promise<void> {
  return new Promise((done, failed) => {
    thread.settle = { done, failed };
  });
}

function ask(thread: Thread, job: CrewJob): Promise<void> {
  const ready = next(thread);
  thread.worker.postMessage(job);
  return ready;
}
