/** Ids as subjects against ids as headers on few subjects: what each costs the server, and who reads. */
import { derivedId } from "../../runtime/ids.ts";
import { HEADER_ID, HEADER_TO } from "../../runtime/log/codec.ts";
import { ensureStream, messageAt } from "../../runtime/log/stream.ts";
import { Latencies, type Percentiles } from "../harness/index.ts";
import { BenchServer } from "./server.ts";
import { appendMany, type NewMessage, readToEnd } from "./stream-work.ts";

export type Layout = "subjects" | "headers";

export interface LayoutMeasured {
  readonly layout: Layout;
  /** Records a second, each of another actor. */
  readonly publish: number;
  /** Of the last tenth of one partition: records a second, and until the first of them, ms. */
  readonly tail: number;
  readonly tailFirstMs: number;
  /** All partitions at once, from a position shortly before the end, until nothing is left, ms. */
  readonly takeOverMs: number;
  /** The records of one actor: by its subject, or by its sequences, which a node's index knows. */
  readonly oneActor: Percentiles;
  /** MiB. */
  readonly memory: number | undefined;
  readonly memoryAfterRestart: number | undefined;
  readonly restartMs: number;
}

const STREAM = "BENCH";
const PARTITIONS = 32;
/** Records behind the end at which a new owner begins. */
const BEHIND = 1_000;
const ACTORS = 50;

export async function measureLayout(layout: Layout, scale: number): Promise<LayoutMeasured> {
  const server = await BenchServer.start();
  try {
    const { bus } = server;
    await ensureStream(bus, STREAM, ["bench.log.>"]);
    const idOf = (n: number): string => derivedId("bench", n);
    const partition = (p: number): string => `bench.log.${p}${layout === "subjects" ? ".>" : ""}`;
    const publish = await appendMany(bus, scale, (n): NewMessage => {
      const id = idOf(n);
      const subject = `bench.log.${n % PARTITIONS}`;
      return layout === "subjects"
        ? { subject: `${subject}.${id}`, headers: { [HEADER_ID]: id } }
        : { subject, headers: { [HEADER_ID]: id, [HEADER_TO]: `conversation/${id}/${id}` } };
    });
    const memory = await server.memoryMiB();
    const tail = await readToEnd(bus, STREAM, partition(0), Math.floor(scale * 0.9));
    const startedAt = performance.now();
    const near = Math.max(1, scale - BEHIND);
    await Promise.all(
      Array.from({ length: PARTITIONS }, (_, p) => readToEnd(bus, STREAM, partition(p), near)),
    );
    const takeOverMs = performance.now() - startedAt;
    const latencies = new Latencies();
    for (let i = 0; i < Math.min(ACTORS, scale); i++) {
      const n = Math.floor((i * scale) / ACTORS);
      const from = performance.now();
      if (layout === "headers") await messageAt(bus, STREAM, n + 1);
      else await readToEnd(bus, STREAM, `bench.log.${n % PARTITIONS}.${idOf(n)}`, 1);
      latencies.record(performance.now() - from);
    }
    const restartMs = await server.restart();
    return {
      layout,
      publish,
      tail: (tail.records * 1_000) / tail.allMs,
      tailFirstMs: tail.firstMs,
      takeOverMs,
      oneActor: latencies.percentiles()!,
      memory,
      memoryAfterRestart: await server.memoryMiB(),
      restartMs,
    };
  } finally {
    await server.stop();
  }
}
