/** Work in lanes: within a lane one thing at a time, in the order in which it came; lanes do not wait for each other. */
export class Lanes<Lane> {
  readonly #last = new Map<Lane, Promise<unknown>>();

  /** Resolves to what `work` does, and rejects as it does; what comes after it in the lane runs in either case. */
  run<T>(lane: Lane, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(lane) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(work);
    this.#last.set(lane, mine);
    const done = () => {
      if (this.#last.get(lane) === mine) this.#last.delete(lane);
    };
    mine.then(done, done);
    return mine;
  }

  /** Resolves when no lane has any work, what came meanwhile included. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.allSettled([...this.#last.values()]);
  }
}
