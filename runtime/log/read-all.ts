/** All that a stream has at a moment, once, in order. */
import type { Bus } from "../bus/bus.ts";
import { LogReader, type RawRecord } from "./reader.ts";
import { streamState } from "./stream.ts";

/** Records read ahead. */
const BATCH = 512;

/** @throws BusError, JetStreamError, what `onRecord` throws, what `signal` was aborted with */
export async function readAll(
  bus: Bus,
  { stream, subject }: { readonly stream: string; readonly subject: string },
  onRecord: (record: RawRecord) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  const { firstSeq, lastSeq, messages } = await streamState(bus, stream);
  if (messages === 0) return;
  let reader: LogReader | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      reader = new LogReader(bus, {
        stream,
        subject,
        from: firstSeq,
        batch: BATCH,
        onEnd: resolve,
        onRecord: async (record) => {
          try {
            signal?.throwIfAborted();
            await onRecord(record);
            if (record.seq >= lastSeq) resolve();
          } catch (error) {
            reject(error);
          }
        },
      });
      reader.start();
    });
  } finally {
    await reader?.stop();
  }
}
