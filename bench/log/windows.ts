/** How long JetStream itself is to remember ids: speed and memory of the server by the length of its duplicate window. */
import { derivedId } from "../../runtime/ids.ts";
import { HEADER_ID } from "../../runtime/log/codec.ts";
import { ensureStream } from "../../runtime/log/stream.ts";
import { BenchServer } from "./server.ts";
import { appendMany } from "./stream-work.ts";

export interface WindowMeasured {
  /** Seconds; 0: the records carry no id at all. */
  readonly seconds: number;
  readonly publish: number;
  /** MiB. */
  readonly memory: number | undefined;
  readonly restartMs: number;
}

const STREAM = "BENCH";
const PARTITIONS = 32;

export async function measureWindow(seconds: number, scale: number): Promise<WindowMeasured> {
  const server = await BenchServer.start();
  try {
    const { bus } = server;
    const duplicateWindowMs = seconds === 0 ? undefined : seconds * 1_000;
    await ensureStream(bus, STREAM, ["bench.log.*"], { duplicateWindowMs });
    const publish = await appendMany(bus, scale, (n) => {
      const id = derivedId("bench", n);
      const headers = { [seconds === 0 ? "Bench-Id" : HEADER_ID]: id };
      return { subject: `bench.log.${n % PARTITIONS}`, headers };
    });
    const memory = await server.memoryMiB();
    return { seconds, publish, memory, restartMs: await server.restart() };
  } finally {
    await server.stop();
  }
}
