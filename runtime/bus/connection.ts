/**
 * The bus over `nats` 2.29. One connection a process; it reconnects for ever with short waits.
 *
 * What the library hands to a broken connection is thrown away when it dials again, so what is published or asked while
 * the bus is disconnected is held here and sent after the reconnect, within a limit. What was under way when the
 * connection broke is left to its time-out, because nobody can know whether it arrived.
 */
import {
  connect,
  headers,
  Match,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type NatsError,
  nuid,
} from "nats";
import type {
  Bus,
  BusMessage,
  BusStatus,
  BusSubscription,
  Kv,
  KvOptions,
  PublishOptions,
  RequestOptions,
} from "./bus.ts";
import { BusClosedError, BusConnectError, BusUsageError, NoRespondersError } from "./errors.ts";
import { openKv } from "./kv.ts";
import { Multiplexer } from "./multiplexer.ts";
import { connectFailure, placesOf } from "./server-address.ts";

const DEFAULT_REQUEST_TIMEOUT_MS = 2_000;
const FLUSH_AGAIN_MS = 20;

export interface ConnectOptions {
  /** `nats://host:port`, or several of a cluster. */
  readonly url: string | readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** Shown by the server in its list of connections. */
  readonly name: string;
  /** For the first connection, ms. Default 5,000. */
  readonly timeoutMs?: number;
  /** For the answer to a request that names no time of its own, ms. Default 2,000. */
  readonly requestTimeoutMs?: number;
  /** Wait between attempts to reconnect, ms; up to half as much again at random. Default 100. */
  readonly reconnectWaitMs?: number;
  /** A silent connection is given up on after twice this time, ms. Default 5,000. */
  readonly pingIntervalMs?: number;
  /** Bytes held back while disconnected; more is refused. Default 16 MiB. */
  readonly maxHeldBytes?: number;
  /** Told of errors that no caller sees: a handler that threw, a refused permission. */
  readonly onError?: (error: Error, where: string) => void;
}

/** @throws BusConnectError when no server answers in time or the credentials are refused. */
export async function connectBus(options: ConnectOptions): Promise<Bus> {
  const timeout = options.timeoutMs ?? 5_000;
  const wait = options.reconnectWaitMs ?? 100;
  const { servers, user, pass, token } = placesOf(options.url);
  let nc: NatsConnection;
  try {
    nc = await connect({
      servers,
      user: options.user ?? user,
      pass: options.pass ?? pass,
      token: options.token ?? token,
      name: options.name,
      timeout,
      noAsyncTraces: true,
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: wait,
      reconnectJitter: wait / 2,
      reconnectJitterTLS: wait / 2,
      pingInterval: options.pingIntervalMs ?? 5_000,
      maxPingOut: 2,
      ignoreClusterUpdates: false,
      // A restarted server may refuse for a moment before it has read its users.
      ignoreAuthErrorAbort: true,
    });
  } catch (error) {
    throw new BusConnectError(connectFailure(servers, timeout, error as NatsError), { cause: error });
  }
  return new NatsBus(nc, options);
}

interface Held {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply?: string;
  readonly headers?: MsgHdrs;
  /** Of a request: not sent any more when nobody waits for it. */
  readonly token?: string;
}

/** Frames of one turn of the event loop beyond this size are sent at once. */
const MAX_WAITING_BYTES = 256 * 1024;
/** A subject to send to: tokens without blanks or wildcards. Anything else would break the protocol's line. */
const SENDABLE = /^[^\s.*>]+(\.[^\s.*>]+)*$/;
const SUBSCRIBABLE = /^[^\s.>]+(\.[^\s.>]+)*(\.>)?$|^>$/;

class NatsBus implements Bus {
  readonly #nc: NatsConnection;
  readonly #mux = new Multiplexer<BusMessage>();
  readonly #inbox: string;
  readonly #onError: (error: Error, where: string) => void;
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #subscriptions = new Set<ReturnType<NatsConnection["subscribe"]>>();
  readonly #kvs = new Map<string, Promise<Kv>>();
  readonly #maxHeld: number;
  readonly #requestTimeoutMs: number;
  /** Sent together at the end of this turn of the event loop: one write for many small frames. */
  #waiting: Held[] = [];
  #waitingBytes = 0;
  #held: Held[] = [];
  #heldBytes = 0;
  #status: BusStatus = "connected";
  #draining: Promise<void> | undefined;
  #version: string;
  #maxPayload: number;

  constructor(nc: NatsConnection, options: ConnectOptions) {
    this.#nc = nc;
    this.#inbox = `_INBOX.${nuid.next()}.`;
    this.#onError = options.onError ?? (() => {});
    this.#maxHeld = options.maxHeldBytes ?? 16 * 1024 * 1024;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
    this.#version = nc.info?.version ?? "unknown";
    this.#maxPayload = nc.info?.max_payload ?? 1024 * 1024;
    nc.subscribe(`${this.#inbox}*`, { callback: (error, msg) => this.#answered(error, msg) });
    void this.#watch();
    void nc.closed().then(() => this.#closed());
  }

  get serverVersion(): string {
    return this.#version;
  }

  get status(): BusStatus {
    return this.#status;
  }

  get maxPayload(): number {
    return this.#maxPayload;
  }

  publish(subject: string, data: Uint8Array, options?: PublishOptions): void {
    if (!SENDABLE.test(subject)) throw new BusUsageError(`not a subject to publish to: "${subject}"`);
    this.#send({ subject, data, reply: options?.reply, headers: toHeaders(options?.headers) });
  }

  async request(subject: string, data: Uint8Array, options?: RequestOptions): Promise<BusMessage> {
    if (!SENDABLE.test(subject)) throw new BusUsageError(`not a subject to ask on: "${subject}"`);
    const { token, answer } = this.#mux.open(subject, options?.timeoutMs ?? this.#requestTimeoutMs);
    try {
      const reply = this.#inbox + token;
      this.#send({ subject, data, reply, headers: toHeaders(options?.headers), token });
    } catch (error) {
      this.#mux.fail(token, error as BusUsageError);
    }
    return answer;
  }

  subscribe(
    subject: string,
    handler: (message: BusMessage) => void,
    options?: { queue?: string },
  ): BusSubscription {
    if (!SUBSCRIBABLE.test(subject)) throw new BusUsageError(`not a subject to subscribe to: "${subject}"`);
    if (this.#status === "closed") throw new BusClosedError();
    const subscription = this.#nc.subscribe(subject, {
      queue: options?.queue,
      callback: (error, msg) => {
        if (error) {
          this.#onError(error, `subscription ${subject}`);
          return;
        }
        try {
          handler(new NatsMessage(msg, this));
        } catch (thrown) {
          this.#onError(thrown as Error, `handler of ${subject}`);
        }
      },
    });
    this.#subscriptions.add(subscription);
    return {
      unsubscribe: () => {
        if (this.#subscriptions.delete(subscription) && !subscription.isClosed()) subscription.unsubscribe();
      },
    };
  }

  inbox(): string {
    return `_INBOX.${nuid.next()}`;
  }

  kv(bucket: string, options: KvOptions = {}): Promise<Kv> {
    let kv = this.#kvs.get(bucket);
    if (!kv) {
      kv = openKv(this, this.#nc, bucket, options);
      this.#kvs.set(bucket, kv);
      // A bucket that could not be opened is tried again the next time.
      kv.catch(() => this.#kvs.delete(bucket));
    }
    return kv;
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async flush(): Promise<void> {
    for (;;) {
      if (this.#status === "closed") throw new BusClosedError();
      this.#sendWaiting();
      try {
        await this.#nc.flush();
        return;
      } catch (error) {
        // The connection broke under it; after the reconnect subscriptions are there again and the next one tells.
        if ((error as NatsError).code !== "DISCONNECT") throw error;
        await new Promise((resolve) => setTimeout(resolve, FLUSH_AGAIN_MS));
      }
    }
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async close(): Promise<void> {
    this.#sendWaiting();
    await this.#nc.close();
    this.#closed();
  }

  async #drain(): Promise<void> {
    if (this.#status === "closed") return;
    // Subscriptions first: what has arrived is handled, and handlers may still ask and answer.
    if (this.#status === "connected") {
      await Promise.allSettled([...this.#subscriptions].map((s) => s.drain()));
    }
    await this.#mux.idle();
    this.#sendWaiting();
    if (this.#status === "connected") await this.#nc.drain().catch(() => {});
    await this.close();
  }

  #send(frame: Held): void {
    if (this.#status === "closed") throw new BusClosedError();
    if (frame.data.length > this.#maxPayload) {
      throw new BusUsageError(
        `message on ${frame.subject} has ${frame.data.length} bytes, the server takes ${this.#maxPayload}`,
      );
    }
    if (this.#status === "connected") {
      if (this.#waiting.push(frame) === 1) setImmediate(() => this.#sendWaiting());
      this.#waitingBytes += frame.data.length;
      if (this.#waitingBytes > MAX_WAITING_BYTES) this.#sendWaiting();
      return;
    }
    if (this.#heldBytes + frame.data.length > this.#maxHeld) {
      throw new BusUsageError(
        `NATS is disconnected and ${this.#heldBytes} bytes wait already; refused one on ${frame.subject}`,
      );
    }
    this.#held.push(frame);
    this.#heldBytes += frame.data.length;
  }

  #sendWaiting(): void {
    const frames = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const frame of frames) {
      if (this.#status === "connected") {
        try {
          this.#publish(frame);
        } catch (error) {
          // The library is closing and has not said so yet.
          this.#onError(error as Error, `publish ${frame.subject}`);
          if (frame.token !== undefined) this.#mux.fail(frame.token, new BusClosedError());
        }
      } else if (this.#status === "disconnected") {
        this.#held.push(frame);
        this.#heldBytes += frame.data.length;
      }
    }
  }

  #publish({ subject, data, reply, headers }: Held): void {
    this.#nc.publish(subject, data, { reply, headers });
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const frame of held) {
      if (frame.token !== undefined && !this.#mux.has(frame.token)) continue;
      this.#publish(frame);
    }
  }

  #answered(error: NatsError | null, msg: Msg): void {
    if (error) {
      this.#onError(error, "inbox");
      return;
    }
    const token = msg.subject.slice(this.#inbox.length);
    const nobody = msg.data.length === 0 && msg.headers?.code === 503;
    this.#mux.settle(
      token,
      new NatsMessage(msg, this),
      nobody ? (subject) => new NoRespondersError(subject) : undefined,
    );
  }

  async #watch(): Promise<void> {
    for await (const { type, data } of this.#nc.status()) {
      if (type === "disconnect") this.#become("disconnected");
      else if (type === "reconnect") {
        this.#version = this.#nc.info?.version ?? this.#version;
        this.#maxPayload = this.#nc.info?.max_payload ?? this.#maxPayload;
        this.#become("connected");
      } else if (type === "error") this.#onError(new Error(String(data)), "connection");
    }
  }

  #become(status: BusStatus): void {
    if (this.#status === status || this.#status === "closed") return;
    this.#status = status;
    if (status === "connected") this.#release();
    for (const listener of [...this.#listeners]) {
      try {
        listener(status);
      } catch (error) {
        this.#onError(error as Error, "status listener");
      }
    }
  }

  #closed(): void {
    this.#become("closed");
    this.#waiting = [];
    this.#held = [];
    this.#subscriptions.clear();
    this.#mux.failAll(new BusClosedError());
  }
}

class NatsMessage implements BusMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply?: string;
  readonly #msg: Msg;
  readonly #bus: Bus;

  constructor(msg: Msg, bus: Bus) {
    this.subject = msg.subject;
    this.data = msg.data;
    this.reply = msg.reply || undefined;
    this.#msg = msg;
    this.#bus = bus;
  }

  header(name: string): string | undefined {
    const all = this.#msg.headers;
    if (!all) return undefined;
    // The status line's number is no header to the library; readers of JetStream need it.
    if (name === "Status") return all.code > 0 ? String(all.code) : undefined;
    if (name === "Description") return all.description || undefined;
    // Written by us in exactly this way; only foreign ones need the slow search.
    const exact = all.get(name, Match.Exact);
    if (exact !== "") return exact;
    return all.has(name, Match.IgnoreCase) ? all.get(name, Match.IgnoreCase) : undefined;
  }

  respond(data: Uint8Array, extra?: Readonly<Record<string, string>>): void {
    if (!this.reply) return;
    try {
      this.#bus.publish(this.reply, data, { headers: extra });
    } catch (error) {
      // Who asked has a time-out of its own; a bus that closes under an answer is not the handler's trouble.
      if (!(error instanceof BusClosedError)) throw error;
    }
  }
}

function toHeaders(values: Readonly<Record<string, string>> | undefined): MsgHdrs | undefined {
  if (!values) return undefined;
  const result = headers();
  for (const name in values) result.set(name, values[name]!, Match.Exact);
  return result;
}
