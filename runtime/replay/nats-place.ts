/** A log that lies in a stream of a server: each record is acknowledged by it, and read back from it. */
import type { Bus } from "../bus/bus.ts";
import type { Subjects } from "../bus/subjects.ts";
import { HEADER_ID, HEADER_TO } from "../log/codec.ts";
import { acknowledged, ensureStream, messageAt } from "../log/stream.ts";
import type { LogPlace, PlacedRecord } from "./place.ts";

const ACK_MS = 5_000;

/** @param names of a workspace of which there is nothing yet */
export async function natsPlace(bus: Bus, names: Subjects): Promise<LogPlace> {
  await ensureStream(bus, names.logStream, [names.logAll]);
  await ensureStream(bus, names.deadStream, [names.dead]);
  let head = 0;
  const at = async (seq: number): Promise<PlacedRecord> => {
    const found = await messageAt(bus, names.logStream, seq);
    if (!found) throw new Error(`record ${seq} is not in the stream that it was acknowledged by`);
    const headers = Object.fromEntries(
      [HEADER_ID, HEADER_TO].map((name) => [name, found.header(name) ?? ""]),
    );
    return { seq, data: found.data, headers, subject: names.log(0), takenAt: found.takenAt };
  };
  return {
    bus,
    get head() {
      return head;
    },
    append: async ({ subject, envelope, encode }) => {
      const { payload, headers } = encode(envelope);
      const { seq } = acknowledged(await bus.request(subject, payload, { headers, timeoutMs: ACK_MS }));
      head = seq;
      return at(seq);
    },
    at,
  };
}
