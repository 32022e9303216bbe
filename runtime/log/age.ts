/** From where on the log is no older than a given time. */
import type { Bus } from "../bus/bus.ts";
import { decodeRecord } from "./codec.ts";
import { messageFrom, type StreamState } from "./stream.ts";

/**
 * Sequence of the first record that was not written before `since` (ms since the epoch, by its log time); the one after the
 * last where all were. Looks at a few records only: log time is taken to rise along the log.
 */
export async function firstSince(
  bus: Bus,
  stream: string,
  { firstSeq, lastSeq }: Pick<StreamState, "firstSeq" | "lastSeq">,
  since: number,
): Promise<number> {
  let low = firstSeq;
  let high = lastSeq + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const message = await messageFrom(bus, stream, middle);
    if (message && timeOf(message.data, message.header("Nats-Time-Stamp")) < since) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of what is no record, when the server took it. */
function timeOf(data: Uint8Array, taken: string | undefined): number {
  try {
    return decodeRecord(0, data).envelope.at;
  } catch {
    return Date.parse(taken ?? "");
  }
}
