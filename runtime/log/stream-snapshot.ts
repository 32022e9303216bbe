/**
 * Whole streams as bytes and back, by the server's own snapshots: what it has on disk, as it packs it (a tar file in S2).
 *
 * The server wants an acknowledgement for each chunk, but heeds them only so far: 32 MiB ahead of them, nats-server 2.9 sends a
 * chunk every 10 ms all the same. What is not taken away in time therefore waits here, up to a limit. It comes over the connection
 * of `bus`, where other messages have to wait behind it: a large stream deserves a connection of its own.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus, BusMessage } from "../bus/bus.ts";
import type { JsonObject } from "../json.ts";
import { JetStreamError, jetStreamApi, type StreamState, streamState } from "./stream.ts";

export interface SnapshotOptions {
  /** Bytes of one chunk. Default 128 KiB. */
  readonly chunkBytes?: number;
  /** Bytes that may wait to be taken away; with more it is given up. Default 256 MiB. */
  readonly maxWaitingBytes?: number;
  /** Silence of the server after which it is given up, ms. Default 30,000. */
  readonly silentMs?: number;
  /** How long to wait while the server has another snapshot of this stream under way, ms. Default 10,000. */
  readonly busyMs?: number;
}

/** A stream as the server says it is when a snapshot begins; `restoreStream` takes it. */
export interface SnapshotHead {
  readonly config: JsonObject;
  /** In the server's own words. What was written meanwhile may be in the snapshot as well. */
  readonly state: JsonObject;
  /** When the stream was made. */
  readonly created: string;
}

export interface StreamSnapshot extends SnapshotHead {
  /** To be read to its end, once; whoever breaks off ends the snapshot. @throws SnapshotError */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A snapshot did not come to its end, or was not taken. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}

const NO_STREAM = 10059;
const EMPTY = new Uint8Array(0);
const BEGIN_MS = 30_000;
const IN_PROGRESS = "snapshot in progress";
const BUSY_AGAIN_MS = 100;

/** Undefined when there is no such stream. @throws JetStreamError, BusError */
export async function snapshotStream(
  bus: Bus,
  name: string,
  options: SnapshotOptions = {},
): Promise<StreamSnapshot | undefined> {
  const inbox = bus.inbox();
  const arriving = new Arriving(bus, inbox, name, options);
  try {
    const { created } = await streamState(bus, name);
    const request = {
      deliver_subject: inbox,
      no_consumers: true,
      chunk_size: options.chunkBytes ?? 128 * 1024,
    };
    const { config, state } = await begun(bus, name, request, options.busyMs ?? 10_000);
    return { config, state, created, chunks: arriving.chunks() };
  } catch (error) {
    arriving.end();
    if (error instanceof JetStreamError && error.errCode === NO_STREAM) return undefined;
    throw error;
  }
}

/** The server notices only after a while that nobody takes a snapshot any more, and takes no other one until then. */
async function begun(bus: Bus, name: string, request: object, busyMs: number): Promise<any> {
  for (const end = performance.now() + busyMs; ; await sleep(BUSY_AGAIN_MS)) {
    try {
      return await jetStreamApi(bus, `STREAM.SNAPSHOT.${name}`, request, BEGIN_MS);
    } catch (error) {
      const busy = error instanceof JetStreamError && error.message.includes(IN_PROGRESS);
      if (!busy || performance.now() > end) throw error;
    }
  }
}

/** Chunks on their way from the server to whoever takes them. */
class Arriving {
  readonly #name: string;
  readonly #o: Required<Omit<SnapshotOptions, "chunkBytes" | "busyMs">>;
  readonly #waiting: BusMessage[] = [];
  readonly #ends: (() => void)[];
  #bytes = 0;
  #count = 0;
  #trouble: string | undefined;
  #wake: () => void = () => {};

  constructor(bus: Bus, inbox: string, name: string, options: SnapshotOptions) {
    this.#name = name;
    this.#o = { maxWaitingBytes: 256 * 1024 * 1024, silentMs: 30_000, ...options };
    const subscription = bus.subscribe(inbox, (message) => this.#arrived(message));
    const offStatus = bus.onStatus((status) => {
      if (status !== "connected") this.#fail(`the connection to the server broke (${status})`);
    });
    this.#ends = [() => subscription.unsubscribe(), offStatus];
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#waiting.length = 0;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const message = await this.#next();
        if (message.data.length === 0) {
          const status = message.header("Status");
          if (status === undefined) return;
          throw this.#error(`${message.header("Description") ?? "the server gave it up"} (${status})`);
        }
        yield message.data;
        this.#bytes -= message.data.length;
        message.respond(EMPTY);
      }
    } finally {
      this.end();
    }
  }

  #arrived(message: BusMessage): void {
    if (this.#ends.length === 0 || this.#trouble !== undefined) return;
    // Chunks are counted in their reply: …ACK.<stream>.<snapshot>.<bytes>.<number>. The last one may have none.
    const number = message.reply?.slice(message.reply.lastIndexOf(".") + 1);
    if (message.data.length > 0 && number !== undefined && Number(number) !== ++this.#count) {
      this.#fail(`chunk ${this.#count} is missing, ${number} came`);
      return;
    }
    this.#bytes += message.data.length;
    if (this.#bytes > this.#o.maxWaitingBytes) {
      this.#fail(`${this.#bytes} bytes wait to be written: whoever takes them is too slow`);
      return;
    }
    this.#waiting.push(message);
    this.#wake();
  }

  #fail(trouble: string): void {
    this.#trouble ??= trouble;
    this.#wake();
  }

  async #next(): Promise<BusMessage> {
    const end = performance.now() + this.#o.silentMs;
    for (;;) {
      if (this.#trouble !== undefined) throw this.#error(this.#trouble);
      const message = this.#waiting.shift();
      if (message) return message;
      const left = end - performance.now();
      if (left <= 0) throw this.#error(`the server was silent for ${this.#o.silentMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #error(why: string): SnapshotError {
    return new SnapshotError(`the snapshot of stream ${this.#name} broke off: ${why}`);
  }
}

export interface RestoreOptions {
  /** How long the server may take from the last chunk until the stream is there, ms. Default 600,000. */
  readonly finishMs?: number;
  /** How long it may take for one chunk, ms. Default 30,000. */
  readonly chunkMs?: number;
}

/** Bytes of one message, below any server's `max_payload`. */
const PIECE_BYTES = 256 * 1024;
/** Messages that are under way at once. */
const WINDOW = 16;

/**
 * Makes a stream of a snapshot; there must be none of its name. When it fails there is none afterwards either.
 * @param head what `snapshotStream` said; `config` may have other `num_replicas`
 * @throws JetStreamError, BusError, SnapshotError, what `chunks` throws
 */
export async function restoreStream(
  bus: Bus,
  { config, state }: Pick<SnapshotHead, "config" | "state">,
  chunks: AsyncIterable<Uint8Array>,
  { finishMs = 600_000, chunkMs = 30_000 }: RestoreOptions = {},
): Promise<StreamState> {
  const name = String(config.name);
  const answer = await jetStreamApi(bus, `STREAM.RESTORE.${name}`, { config, state }, BEGIN_MS);
  const to: string = answer.deliver_subject;
  const send = async (piece: Uint8Array): Promise<void> => {
    const said = Buffer.from((await bus.request(to, piece, { timeoutMs: chunkMs })).data).toString("utf8");
    if (said !== "") throw new SnapshotError(`the server did not take stream ${name}: ${said}`);
  };
  const underWay: Promise<void>[] = [];
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      if (underWay.length >= WINDOW) await underWay.shift();
      const sent = send(chunk.subarray(at, at + PIECE_BYTES));
      // It is heard of when its turn comes.
      sent.catch(() => {});
      underWay.push(sent);
    }
  }
  await Promise.all(underWay);
  const last = await bus.request(to, EMPTY, { timeoutMs: finishMs });
  const { error } = JSON.parse(Buffer.from(last.data).toString("utf8"));
  if (error)
    throw new JetStreamError(`STREAM.RESTORE.${name}: ${error.description}`, error.code, error.err_code ?? 0);
  return streamState(bus, name);
}

/** Removes a stream with all that is in it; one that is not there is no error. */
export async function deleteStream(bus: Bus, name: string): Promise<void> {
  try {
    await jetStreamApi(bus, `STREAM.DELETE.${name}`, undefined, BEGIN_MS);
  } catch (error) {
    if (!(error instanceof JetStreamError && error.errCode === NO_STREAM)) throw error;
  }
}

/** Whether a stream is there. @throws BusError, JetStreamError when that can't be said */
export async function hasStream(bus: Bus, name: string): Promise<boolean> {
  try {
    await streamState(bus, name);
    return true;
  } catch (error) {
    if (error instanceof JetStreamError && error.errCode === NO_STREAM) return false;
    throw error;
  }
}
