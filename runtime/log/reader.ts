/**
 * Reads one subject of a stream in order from a position that the caller owns (architecture section 3).
 *
 * The library's ordered consumer has no back-pressure, so this pulls for itself: an ephemeral consumer without
 * acknowledgements, pulls no larger than the free credit, every wait bounded. The consumer's own sequence has to be
 * gapless; where it is not, or where the server fell silent, reading starts again after the last record handed over.
 */
import type { Bus, BusMessage, BusSubscription } from "../bus/bus.ts";
import { placeOf } from "../bus/delivery.ts";
import type { Envelope } from "../envelope.ts";
import { Pulls } from "./pulls.ts";
import { jetStreamApi } from "./stream.ts";

export interface RawRecord {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  header(name: string): string | undefined;
  /** Records of the subject after this one that were in the stream when it was delivered. */
  readonly pending: number;
  /** Of a log in the memory of this process: what the bytes would come to, where its headers say nothing more. */
  readonly opened?: OpenedRecord;
}

/** A record that nobody has to decode or open. */
export interface OpenedRecord {
  readonly envelope: Omit<Envelope, "data">;
  /** Its data as JSON. */
  readonly plain: string;
}

export interface ReaderOptions {
  readonly stream: string;
  readonly subject: string;
  /** First sequence to hand over. */
  readonly from: number;
  /** Most records pulled at once, and so held in memory at once. Default 256. */
  readonly batch?: number;
  /** How long one pull waits at the server, ms. Default 2,000. */
  readonly expiresMs?: number;
  readonly headersOnly?: boolean;
  /** Called in order, one at a time. */
  readonly onRecord: (record: RawRecord) => void | Promise<void>;
  /** Called when there is nothing after the last record handed over; again after each further one that was the last. */
  readonly onEnd?: () => void;
  /** Told of each time it had to start again, with the reason. */
  readonly onRestart?: (reason: string) => void;
}

const encoder = new TextEncoder();
/** Grace for the server's answer beyond the pull's own expiry, ms. */
const SILENCE_GRACE_MS = 1_000;
/** How late the end of a pull may be told, ms. A server that delivers a record in the moment of the expiry may not tell it. */
const EXPIRY_GRACE_MS = 100;
const RETRY_MS = 100;

export class LogReader {
  readonly #bus: Bus;
  readonly #o: Required<Omit<ReaderOptions, "onRestart" | "onEnd" | "headersOnly">> & ReaderOptions;
  #next: number;
  #stopped = false;
  #wake: (() => void) | undefined;
  #loop: Promise<void> | undefined;
  #queue: BusMessage[] = [];
  #offStatus: (() => void) | undefined;
  #reconnected = false;

  constructor(bus: Bus, options: ReaderOptions) {
    this.#bus = bus;
    this.#o = { ...options, batch: options.batch ?? 256, expiresMs: options.expiresMs ?? 2_000 };
    this.#next = options.from;
  }

  /** The sequence after the last record handed over. */
  get position(): number {
    return this.#next;
  }

  start(): void {
    this.#offStatus = this.#bus.onStatus((status) => {
      if (status === "connected") {
        this.#reconnected = true;
        this.#wake?.();
      }
    });
    this.#loop = this.#run();
  }

  /** Stops after the record being handled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#offStatus?.();
    this.#wake?.();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        const reason = await this.#readOnce();
        if (!this.#stopped) this.#o.onRestart?.(reason);
      } catch (error) {
        if (!this.#stopped) this.#o.onRestart?.(String(error));
      }
      if (!this.#stopped) await this.#sleep(RETRY_MS);
    }
  }

  /** Reads with one consumer until it has to be given up; answers why. */
  async #readOnce(): Promise<string> {
    const { stream, subject, batch, expiresMs } = this.#o;
    this.#reconnected = false;
    this.#queue = [];
    const info = await jetStreamApi(this.#bus, `CONSUMER.CREATE.${stream}`, {
      stream_name: stream,
      config: {
        deliver_policy: "by_start_sequence",
        opt_start_seq: Math.max(1, this.#next),
        ack_policy: "none",
        filter_subject: subject,
        max_waiting: 8,
        inactive_threshold: 60e9,
        mem_storage: true,
        num_replicas: 1,
        headers_only: this.#o.headersOnly ?? false,
      },
    });
    const consumer: string = info.name;
    const inbox = this.#bus.inbox();
    const subscription: BusSubscription = this.#bus.subscribe(inbox, (m) => {
      this.#queue.push(m);
      this.#wake?.();
    });
    let delivered = 0;
    let silentSince = performance.now();
    const pulls = new Pulls({ credit: batch, expiresMs, graceMs: EXPIRY_GRACE_MS });
    try {
      if (info.num_pending === 0) this.#o.onEnd?.();
      while (!this.#stopped) {
        if (this.#reconnected) return "the connection was re-established";
        const now = performance.now();
        const due = pulls.due(now);
        if (due > 0) {
          const pull = encoder.encode(JSON.stringify({ batch: due, expires: expiresMs * 1e6 }));
          this.#bus.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, pull, { reply: inbox });
          pulls.opened(now, due);
        }
        const message = this.#queue.shift();
        if (!message) {
          const left = silentSince + expiresMs + SILENCE_GRACE_MS - now;
          if (left <= 0) return "the server fell silent";
          await this.#sleep(Math.min(left, pulls.dueIn(now)));
          continue;
        }
        silentSince = now;
        // What the server says has no body, and headers are not taken apart for nothing.
        const status = message.data.length === 0 ? message.header("Status") : undefined;
        if (status === "404" || status === "408") {
          pulls.ended(now);
          continue;
        }
        if (status === "100") continue;
        if (status !== undefined) return `status ${status} ${message.header("Description") ?? ""}`;
        const place = placeOf(message);
        if (place.consumerSeq !== delivered + 1)
          return `gap: expected ${delivered + 1}, got ${place.consumerSeq}`;
        delivered = place.consumerSeq;
        const record: RawRecord = {
          seq: place.streamSeq,
          subject: message.subject,
          data: message.data,
          header: (name) => message.header(name),
          pending: place.pending,
        };
        const waits = this.#o.onRecord(record);
        if (waits) await waits;
        pulls.took();
        this.#next = place.streamSeq + 1;
        if (place.pending === 0) this.#o.onEnd?.();
        silentSince = performance.now();
      }
      return "stopped";
    } finally {
      subscription.unsubscribe();
      if (this.#bus.status === "connected") {
        this.#bus.publish(`$JS.API.CONSUMER.DELETE.${stream}.${consumer}`, new Uint8Array());
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const self = this;
      function done(): void {
        clearTimeout(timer);
        if (self.#wake === done) self.#wake = undefined;
        resolve();
      }
      this.#wake = done;
    });
  }
}
