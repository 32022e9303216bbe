/** What the variants of a log are put through: many appends at once, reading to the end. */
import type { Bus } from "../../runtime/bus/index.ts";
import { LogReader } from "../../runtime/log/reader.ts";

/** Appends under way at once. */
const WINDOW = 256;
/** As long as a sealed record of a short message. */
const PAYLOAD = Buffer.alloc(500, "x");

export interface NewMessage {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Appends so many messages, each acknowledged; answers messages a second. */
export async function appendMany(
  bus: Bus,
  count: number,
  message: (n: number) => NewMessage,
): Promise<number> {
  const from = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) {
      const { subject, headers } = message(n);
      const reply = await bus.request(subject, PAYLOAD, { headers, timeoutMs: 10_000 });
      if (Buffer.from(reply.data).includes('"error"')) {
        throw new Error(`bench log: ${Buffer.from(reply.data).toString("utf8")}`);
      }
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, worker));
  return (count * 1_000) / (performance.now() - from);
}

export interface Reading {
  readonly records: number;
  /** Until the first record, ms; of all of it where there is none. */
  readonly firstMs: number;
  readonly allMs: number;
}

/** Reads a subject from a sequence to its end, as a node does. */
export async function readToEnd(bus: Bus, stream: string, subject: string, from: number): Promise<Reading> {
  const startedAt = performance.now();
  let records = 0;
  let firstMs: number | undefined;
  let reader: LogReader | undefined;
  await new Promise<void>((resolve) => {
    reader = new LogReader(bus, {
      stream,
      subject,
      from,
      onRecord: () => {
        records++;
        firstMs ??= performance.now() - startedAt;
      },
      onEnd: resolve,
    });
    reader.start();
  });
  const allMs = performance.now() - startedAt;
  await reader?.stop();
  return { records, firstMs: firstMs ?? allMs, allMs };
}
