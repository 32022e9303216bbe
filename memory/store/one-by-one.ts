/** Work on the same keys happens one after the other, in the order in which it was asked for; other keys do not wait. */
export class OneByOne {
  /** The end of the last work on each key. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs when nothing asked for before is under way on any of these keys. */
  run<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const own = new Set(keys);
    const before = [...own].map((key) => this.#last.get(key));
    const mine = Promise.allSettled(before).then(work);
    const over = mine
      .catch(() => {})
      .then(() => {
        for (const key of own) if (this.#last.get(key) === over) this.#last.delete(key);
      });
    for (const key of own) this.#last.set(key, over);
    return mine;
  }
}
