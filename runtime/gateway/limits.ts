/** Token buckets: so many at once, so many a second after that. In memory, bounded, one per subject. */
import { LRUCache } from "lru-cache";

export interface Limit {
  /** Requests that may come at once. */
  readonly burst: number;
  /** Requests a second in the long run. */
  readonly perSecond: number;
}

export interface Limits {
  /** Per customer: a signed customer, or the customer that a conversation was opened for. Default 120, 20/s. */
  readonly customer: Limit;
  /** Per conversation token. Default 60, 10/s. */
  readonly conversation: Limit;
  /** Per remote address, for calls that name nobody. Default 300, 50/s. */
  readonly address: Limit;
  /** For the admin token, together. Default 5,000, 1,000/s. */
  readonly admin: Limit;
}

export const DEFAULT_LIMITS: Limits = {
  customer: { burst: 120, perSecond: 20 },
  conversation: { burst: 60, perSecond: 10 },
  address: { burst: 300, perSecond: 50 },
  admin: { burst: 5_000, perSecond: 1_000 },
};

interface Bucket {
  tokens: number;
  at: number;
}

/** Subjects remembered at once; who is forgotten starts with a full bucket. */
const MAX_SUBJECTS = 50_000;

export class RateLimiter {
  readonly #buckets = new LRUCache<string, Bucket>({ max: MAX_SUBJECTS });
  readonly #limits: Limits;
  readonly #monotonic: () => number;

  constructor(limits: Partial<Limits> = {}, monotonic: () => number = () => performance.now()) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#monotonic = monotonic;
  }

  /** Takes one; answers 0, or how many milliseconds to wait until there is one again. */
  take(kind: keyof Limits, subject: string): number {
    const { burst, perSecond } = this.#limits[kind];
    const now = this.#monotonic();
    const key = `${kind}\u0000${subject}`;
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    this.#buckets.set(key, bucket);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil(((1 - bucket.tokens) / perSecond) * 1000));
  }
}
