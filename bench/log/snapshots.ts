/** Shared snapshots in a key-value bucket against JetStream's object store, by their size. */
import { randomBytes } from "node:crypto";
import { openObjectStore } from "../../runtime/bus/object-store.ts";
import { Latencies, type Percentiles } from "../harness/index.ts";
import { BenchServer } from "./server.ts";

export interface SnapshotsMeasured {
  readonly store: "kv" | "objects";
  readonly bytes: number;
  readonly put: Percentiles;
  readonly get: Percentiles;
}

interface Store {
  put(name: string, data: Uint8Array): Promise<unknown>;
  get(name: string): Promise<unknown>;
}

const ACTORS = 20;

/** Writes and reads each of twenty snapshots so often, one after the other. The server takes messages up to 1 MiB. */
export async function measureSnapshots(
  sizes: readonly number[],
  times: number,
): Promise<SnapshotsMeasured[]> {
  const server = await BenchServer.start();
  try {
    const kv = await server.bus.kv("BENCH");
    const objects = await openObjectStore({ ...server.place, bucket: "BENCH_OBJECTS" });
    const results: SnapshotsMeasured[] = [];
    try {
      for (const bytes of sizes) {
        if (bytes < server.bus.maxPayload) results.push(await work("kv", kv, bytes, times));
        results.push(await work("objects", objects, bytes, times));
      }
    } finally {
      await objects.close();
    }
    return results;
  } finally {
    await server.stop();
  }
}

async function work(
  name: SnapshotsMeasured["store"],
  store: Store,
  bytes: number,
  times: number,
): Promise<SnapshotsMeasured> {
  const put = new Latencies();
  const get = new Latencies();
  const timed = async (latencies: Latencies, what: () => Promise<unknown>): Promise<void> => {
    const from = performance.now();
    await what();
    latencies.record(performance.now() - from);
  };
  for (let time = 0; time < times; time++) {
    for (let actor = 0; actor < ACTORS; actor++) {
      const data = randomBytes(bytes);
      await timed(put, () => store.put(`actor-${actor}`, data));
      await timed(get, () => store.get(`actor-${actor}`));
    }
  }
  return { store: name, bytes, put: put.percentiles()!, get: get.percentiles()! };
}
