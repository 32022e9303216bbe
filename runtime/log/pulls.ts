/**
 * The pulls that a reader has under way at the server. They overlap: while one ends, its successor is already there, because
 * what arrives without any pull waits, for as long as it takes to learn of the end and to pull anew.
 */
export interface PullOptions {
  /** Most records pulled and not handed over. */
  readonly credit: number;
  /** How long one pull waits at the server, ms. */
  readonly expiresMs: number;
  /** How late the end of a pull may be told, ms; then it is taken to have ended. */
  readonly graceMs: number;
}

interface Pull {
  readonly at: number;
  left: number;
}

/** Share of its time after which the end of a pull is believed; what is told earlier is of one that was forgotten. */
const BELIEVED = 0.9;

export class Pulls {
  readonly #o: PullOptions;
  readonly #half: number;
  /** In the order in which the server serves them. */
  #open: Pull[] = [];

  constructor(options: PullOptions) {
    this.#o = options;
    this.#half = Math.ceil(options.credit / 2);
  }

  /** Records to pull now, 0 for none: where no pull is left, one runs out of records, or the newest is half over. */
  due(now: number): number {
    const { credit, expiresMs, graceMs } = this.#o;
    while (this.#open[0] && now >= this.#open[0].at + expiresMs + graceMs) this.#open.shift();
    const newest = this.#open.at(-1);
    const left = this.#open.reduce((sum, pull) => sum + pull.left, 0);
    if (newest && now < newest.at + expiresMs / 2 && left > credit / 4) return 0;
    return Math.min(credit - left, this.#half);
  }

  /** Ms until the next one may be due, without anything happening in between. */
  dueIn(now: number): number {
    const { expiresMs, graceMs } = this.#o;
    const [oldest] = this.#open;
    const newest = this.#open.at(-1);
    if (!oldest || !newest) return 0;
    const half = newest.at + expiresMs / 2 - now;
    return half > 0 ? half : Math.max(1, oldest.at + expiresMs + graceMs - now);
  }

  opened(now: number, records: number): void {
    this.#open.push({ at: now, left: records });
  }

  /** A record was handed over. */
  took(): void {
    const [oldest] = this.#open;
    if (oldest && --oldest.left === 0) this.#open.shift();
  }

  /** The server told the end of a pull. */
  ended(now: number): void {
    const [oldest] = this.#open;
    if (oldest && now >= oldest.at + BELIEVED * this.#o.expiresMs) this.#open.shift();
  }
}
