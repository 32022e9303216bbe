/** A process of the bench that does what it is told: calls by name over the channel of `fork`. */
import { type ChildProcess, fork } from "node:child_process";

interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export type Handlers = Readonly<Record<string, (args: any) => Promise<unknown> | unknown>>;

export class Remote {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: any) => void; reject: (error: Error) => void }>();
  readonly #ended: Promise<void>;
  #last = 0;

  /**
   * @param entry a JavaScript file that begins, by its first argument, one of several processes
   * @param role one of them that calls `serve`
   */
  constructor(entry: string, role: string, execArgv: readonly string[] = []) {
    this.#child = fork(entry, [role], {
      execArgv: [...execArgv],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child.on("message", ({ id, value, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#ended = new Promise((resolve) => {
      const over = (): void => {
        for (const { reject } of this.#waiting.values())
          reject(new Error(`bench: the process of the ${role} ended`));
        this.#waiting.clear();
        resolve();
      };
      this.#child.once("exit", over);
      this.#child.once("error", over);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  call<T = void>(name: string, args: unknown = {}): Promise<T> {
    const id = ++this.#last;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const call: Call = { id, name, args };
      this.#child.send(call, (error) => {
        if (error) reject(error);
      });
    });
  }

  /** Lets the process end; one that does not is killed. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.kill(), 10_000);
    await this.#ended;
    clearTimeout(late);
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** Answers calls until the parent lets go or is gone; then `end` is called, and the process ends. */
export function serve(handlers: Handlers, end: () => Promise<unknown> | unknown): void {
  process.on("message", async ({ id, name, args }: Call) => {
    let answer: Answer;
    try {
      const handler = handlers[name];
      if (!handler) throw new Error(`no call ${name}`);
      answer = { id, value: await handler(args) };
    } catch (error) {
      answer = { id, error: (error as Error).stack ?? String(error) };
    }
    if (process.connected) process.send?.(answer);
  });
  process.once("disconnect", async () => {
    try {
      await end();
    } finally {
      process.exit();
    }
  });
}
