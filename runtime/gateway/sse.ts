/**
 * Server-sent events that resume with nothing lost or doubled.
 *
 * A source is followed live first and read up to its head afterwards; what came live meanwhile waits, and whatever lies
 * at or below the last position sent is dropped. A client too slow for its buffer is disconnected: it comes back with
 * `Last-Event-ID` and reads on from the log, which is the one buffer that may be long.
 */
import type { ServerResponse } from "node:http";

export interface StreamEvent {
  /** Position, strictly rising over the whole source. */
  readonly seq: number;
  readonly event: string;
  readonly data: unknown;
}

/** Where the events come from. */
export interface EventSource {
  /** Calls the listener with every event from now on, in order; answers how to stop. */
  follow(listener: (event: StreamEvent) => void): () => void;
  /** Events with seq > after, in order, at least up to what `follow` had missed when it was called. */
  read(after: number): Promise<readonly StreamEvent[]>;
}

/** What a handler answers for a stream. */
export interface EventStream {
  readonly source: EventSource;
  /** Events at or below this position have been seen by the client. */
  readonly after: number;
}

export interface StreamOptions {
  /** A comment is sent after this silence, so that proxies keep the line open. Default 15,000 ms. */
  readonly heartbeatMs?: number;
  /** How long a client should wait before it comes back. Default 1,000 ms. */
  readonly retryMs?: number;
  /** Bytes that may wait for a slow client before it is disconnected. Default 256 KiB. */
  readonly maxBufferedBytes?: number;
  /** Live events that may wait while the log is read; beyond it the log is read again instead. Default 1,000. */
  readonly maxWaiting?: number;
  /** How long a client may leave a full buffer untouched while it catches up. Default 30,000 ms. */
  readonly drainTimeoutMs?: number;
}

/** The form on the wire. */
export function formatEvent(e: StreamEvent): string {
  return `id: ${e.seq}\nevent: ${e.event}\ndata: ${JSON.stringify(e.data)}\n\n`;
}

/** Sends until the client goes, the signal is aborted, or the client is too slow. Ends the response. */
export async function serveEvents(
  stream: EventStream,
  response: ServerResponse,
  signal: AbortSignal,
  options: StreamOptions = {},
): Promise<void> {
  const heartbeatMs = options.heartbeatMs ?? 15_000;
  const maxBuffered = options.maxBufferedBytes ?? 256 * 1024;
  const maxWaiting = options.maxWaiting ?? 1_000;
  let last = stream.after;
  let waiting: StreamEvent[] = [];
  let overflowed = false;
  let live = false;
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const over = () => signal.aborted || response.destroyed || response.writableEnded;

  const send = (e: StreamEvent): void => {
    if (e.seq <= last || over()) return;
    last = e.seq;
    response.write(formatEvent(e));
  };
  const stop = stream.source.follow((e) => {
    if (!live) {
      if (waiting.length < maxWaiting) waiting.push(e);
      else overflowed = true;
      return;
    }
    send(e);
    if (response.writableLength > maxBuffered) finish();
  });
  const heartbeat = setInterval(() => {
    if (!over()) response.write(": \n\n");
  }, heartbeatMs);
  heartbeat.unref();
  signal.addEventListener("abort", finish, { once: true });
  response.once("close", finish);
  response.once("error", finish);

  try {
    response.write(`retry: ${options.retryMs ?? 1_000}\n\n`);
    do {
      // The waiting events were missed by nobody: what did not fit any more is in the log, and is read from there.
      overflowed = false;
      for (const e of await stream.source.read(last)) {
        send(e);
        if (response.writableLength > maxBuffered)
          await drained(response, finished, options.drainTimeoutMs ?? 30_000);
        if (over()) return;
      }
      const missed = overflowed;
      const arrived = waiting;
      waiting = [];
      if (!missed) for (const e of arrived) send(e);
    } while (overflowed);
    live = true;
    if (!over()) await finished;
  } finally {
    stop();
    clearInterval(heartbeat);
    signal.removeEventListener("abort", finish);
    if (!response.writableEnded) response.end();
  }
}

/** Waits until the client has taken what lies in the buffer; a client that takes nothing is cut off. */
async function drained(response: ServerResponse, finished: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tookNothing = new Promise<"slow">((resolve) => {
    timer = setTimeout(() => resolve("slow"), timeoutMs);
  });
  const drain = new Promise<"drained">((resolve) => response.once("drain", () => resolve("drained")));
  const what = await Promise.race([drain, finished, tookNothing]);
  clearTimeout(timer);
  if (what === "slow") response.destroy();
}
