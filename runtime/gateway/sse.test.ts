import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { type EventSource, type StreamEvent, type StreamOptions, serveEvents } from "./sse.ts";

/** A log over an array: what is appended is read by position and told to who follows. */
class ArrayLog implements EventSource {
  readonly events: StreamEvent[] = [];
  readonly #listeners = new Set<(e: StreamEvent) => void>();
  /** Runs inside a read, before and after the records are taken: that is where the races are. */
  duringRead: (phase: "before" | "after") => Promise<void> = async () => {};

  append(size = 1): void {
    const e = { seq: this.events.length * 3 + 3, event: "message", data: "x".repeat(size) };
    this.events.push(e);
    for (const listener of this.#listeners) listener(e);
  }
  follow(listener: (e: StreamEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async read(after: number): Promise<StreamEvent[]> {
    await this.duringRead("before");
    const found = this.events.filter((e) => e.seq > after);
    await this.duringRead("after");
    return found;
  }
  get followers(): number {
    return this.#listeners.size;
  }
}

let server: Server | undefined;
const closing = new AbortController();
const serve = async (log: EventSource, options: StreamOptions = {}) => {
  server = createServer((request, response: ServerResponse) => {
    const after = Number(request.headers["last-event-id"] ?? 0);
    response.writeHead(200, { "content-type": "text/event-stream" });
    void serveEvents({ source: log, after }, response, closing.signal, options);
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

const open = (url: string, after: number) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers: { "last-event-id": String(after) }, agent: false }, resolve).on("error", reject);
  });
/** Positions of the events on the wire, until `want` of them came or the stream ended. */
const positions = (response: IncomingMessage, want: number) =>
  new Promise<number[]>((resolve) => {
    let text = "";
    const done = () => {
      const found = [...text.matchAll(/^id: (\d+)\nevent: /gm)].map((m) => Number(m[1]));
      return found;
    };
    response.setEncoding("utf8");
    response.resume();
    response.on("data", (chunk: string) => {
      text += chunk;
      if (text.endsWith("\n\n") && done().length >= want) {
        response.destroy();
        resolve(done());
      }
    });
    response.on("close", () => resolve(done()));
    response.on("error", () => resolve(done()));
    if (want === 0) {
      response.destroy();
      resolve([]);
    }
  });

it("loses and doubles nothing, however live events and reading interleave and wherever a client resumes", async () => {
  let log = new ArrayLog();
  let options: StreamOptions = {};
  const url = await serve({ follow: (l) => log.follow(l), read: (after) => log.read(after) }, {
    get maxWaiting() {
      return options.maxWaiting;
    },
  } as StreamOptions);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        before: fc.nat(6),
        duringFirst: fc.nat(6),
        duringSecond: fc.nat(6),
        live: fc.nat(6),
        resumeAt: fc.nat(24),
        maxWaiting: fc.integer({ min: 1, max: 4 }),
      }),
      async ({ before, duringFirst, duringSecond, live, resumeAt, maxWaiting }) => {
        log = new ArrayLog();
        options = { maxWaiting };
        for (let i = 0; i < before; i++) log.append();
        let reads = 0;
        log.duringRead = async (phase) => {
          if (reads > 1) return;
          for (let i = 0; i < (phase === "before" ? duringFirst : duringSecond); i++) log.append();
          if (phase === "after") reads++;
        };
        const total = before + 2 * (duringFirst + duringSecond) + live;
        const after = Math.min(resumeAt, before) * 3;
        const response = await open(url, after);
        const expected = () => log.events.map((e) => e.seq).filter((seq) => seq > after);
        const settle = setTimeout(() => {
          for (let i = 0; i < live; i++) log.append();
        }, 0);
        // Only as many reads happen as overflows ask for, so the number of events is known at the end alone.
        const timer = setInterval(() => {
          if (reads > 0 && received.length >= expected().length) response.destroy();
        }, 2);
        const received: number[] = [];
        let text = "";
        response.setEncoding("utf8");
        await new Promise<void>((resolve) => {
          response.on("data", (chunk: string) => {
            text += chunk;
            received.splice(
              0,
              received.length,
              ...[...text.matchAll(/^id: (\d+)$/gm)].map((m) => Number(m[1])),
            );
          });
          response.on("close", () => resolve());
          response.on("error", () => resolve());
        });
        clearInterval(timer);
        clearTimeout(settle);
        expect(received.length).toBeLessThanOrEqual(total);
        expect(received).toEqual(expected().slice(0, received.length));
        expect(received.length).toBe(expected().length);
      },
    ),
    { numRuns: 60 },
  );
});

it("cuts off a client that takes nothing, and lets go of the source", async () => {
  const log = new ArrayLog();
  const url = await serve(log, { maxBufferedBytes: 64 * 1024 });
  const response = await open(url, 0);
  response.pause();
  await expect.poll(() => log.followers).toBe(1);
  for (let i = 0; i < 200 && log.followers > 0; i++) {
    log.append(256 * 1024);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => log.followers).toBe(0);
  const first = await positions(response, Number.POSITIVE_INFINITY);
  const last = first.at(-1) ?? 0;
  const rest = await positions(await open(url, last), log.events.length - first.length);
  expect([...first, ...rest]).toEqual(log.events.map((e) => e.seq));
});

it("lets go of the source when the client goes", async () => {
  const log = new ArrayLog();
  const url = await serve(log);
  log.append();
  const response = await open(url, 0);
  expect(await positions(response, 1)).toEqual([3]);
  await expect.poll(() => log.followers).toBe(0);
});

it("keeps the line open with comments", async () => {
  const url = await serve(new ArrayLog(), { heartbeatMs: 20 });
  const response = await open(url, 0);
  const text = await new Promise<string>((resolve) => {
    let all = "";
    response.on("data", (chunk) => {
      all += chunk;
      if (all.includes(": \n\n")) resolve(all);
    });
  });
  response.destroy();
  expect(text).toContain("retry: 1000\n\n");
});
