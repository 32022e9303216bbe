/** From where on the log is no older than a given time. */
import type { Bus } from "../bus/bus.ts";
import { decodeRecord } from "./codec.ts";
import { messageAt, messageFrom, type StreamState } from "./stream.ts";

type Ends = Pick<StreamState, "firstSeq" | "lastSeq">;

/**
 * About where the records begin that were not written before `since` (ms since the epoch, by log time); after the last one where
 * all were. Looks at a few records only: where log time does not rise along the log, it is another place than it should be.
 */
export async function firstSince(
  bus: Bus,
  stream: string,
  { firstSeq, lastSeq }: Ends,
  since: number,
): Promise<number> {
  let low = firstSeq;
  let high = lastSeq + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const message = await messageFrom(bus, stream, middle);
    if (message && (stampOf(message.data) ?? message.takenAt) < since) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Records that are read at once. */
const AT_ONCE = 64;
/** Records that are looked at before the next pass goes on: seconds, even from a slow disk. */
const AT_MOST = 50_000;

/**
 * Up to where everything in the log is older than a given time. The clocks of those who write are put back and differ, so each
 * record is looked at: the first that may be younger holds what lies behind it, whatever that says of itself. Once, as long as
 * time goes on.
 */
export class OldRecords {
  readonly #bus: Bus;
  readonly #stream: string;
  #since = Number.NEGATIVE_INFINITY;
  /** Everything below is older than `#since`. */
  #below = 1;

  constructor(bus: Bus, stream: string) {
    this.#bus = bus;
    this.#stream = stream;
  }

  /** The first record that may not be older than `since`, or one before it where there is much to look at. */
  async below({ firstSeq, lastSeq }: Ends, since: number, now: number): Promise<number> {
    // What was old by a clock that has been put back since may not be.
    if (since < this.#since) this.#below = 1;
    this.#since = since;
    let below = Math.max(this.#below, firstSeq);
    const end = Math.min(lastSeq + 1, below + AT_MOST);
    while (below < end) {
      const length = Math.min(AT_ONCE, end - below);
      const times = await Promise.all(Array.from({ length }, (_, n) => this.#timeAt(below + n, now)));
      const old = times.findIndex((time) => time >= since);
      below += old === -1 ? length : old;
      if (old !== -1) break;
    }
    this.#below = below;
    return below;
  }

  /** The later of what the record says and of when the server took it. A time that is still to come is none. */
  async #timeAt(seq: number, now: number): Promise<number> {
    const message = await messageAt(this.#bus, this.#stream, seq);
    if (!message) return Number.NEGATIVE_INFINITY;
    const at = stampOf(message.data) ?? Number.NEGATIVE_INFINITY;
    return Math.max(at > now ? Number.NEGATIVE_INFINITY : at, message.takenAt);
  }
}

/** Undefined for what is no record. */
function stampOf(data: Uint8Array): number | undefined {
  try {
    return decodeRecord(0, data).envelope.at;
  } catch {
    return undefined;
  }
}
