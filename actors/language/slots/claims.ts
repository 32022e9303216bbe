/** Which characters of a message already belong to a value: a number is an order, an amount or a postcode, never two. */
export class Claims {
  readonly #taken: Uint8Array;
  constructor(length: number) {
    this.#taken = new Uint8Array(length);
  }
  /** Whether no character of the range is taken. */
  free(start: number, end: number): boolean {
    for (let i = start; i < end; i++) if (this.#taken[i]) return false;
    return true;
  }
  /** Takes the range unless part of it was taken; answers whether it could. */
  take(start: number, end: number): boolean {
    if (!this.free(start, end)) return false;
    this.#taken.fill(1, start, end);
    return true;
  }
}
