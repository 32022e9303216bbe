/**
 * Key-value buckets. The library makes the bucket; reads and writes go over the bus's own multiplexer, so that they are
 * held over a reconnect and cost what a request costs.
 */
import { type NatsConnection, nuid } from "nats";
import type { Bus, BusMessage, Kv, KvEntry, KvOptions, KvWatch, KvWatcher, KvWatchOptions } from "./bus.ts";
import { BusApiError, BusTimeoutError, BusUsageError, KvConflictError, NoRespondersError } from "./errors.ts";
import { watchBucket } from "./kv-watch.ts";

const WRONG_LAST_SEQUENCE = 10071;
const NO_MESSAGE_FOUND = 10037;
const EMPTY = new Uint8Array(0);
const KEY = /^[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*$/;
/** Per attempt, ms; an attempt without an answer is made once more under the same message id. */
const ATTEMPT_MS = 2_000;
const ATTEMPTS = 3;

export async function openKv(bus: Bus, nc: NatsConnection, bucket: string, options: KvOptions): Promise<Kv> {
  if (!/^[-_a-zA-Z0-9]+$/.test(bucket)) throw new BusUsageError(`not a bucket name: "${bucket}"`);
  const view = await nc.jetstream().views.kv(bucket, {
    history: 1,
    ttl: options.ttlMs,
    replicas: options.replicas ?? 1,
    allow_direct: true,
  });
  const list = async (prefix: string): Promise<string[]> => {
    const keys: string[] = [];
    // A prefix of whole tokens is looked up by the server; any other here.
    const filter = prefix.slice(0, prefix.lastIndexOf(".") + 1);
    for await (const key of await view.keys(`${filter}>`)) keys.push(key);
    return keys;
  };
  return new Bucket(bus, bucket, list, options.attemptMs ?? ATTEMPT_MS);
}

class Bucket implements Kv {
  readonly #bus: Bus;
  readonly #bucket: string;
  readonly #list: (prefix: string) => Promise<string[]>;
  readonly #attemptMs: number;

  constructor(bus: Bus, bucket: string, list: (prefix: string) => Promise<string[]>, attemptMs: number) {
    this.#bus = bus;
    this.#bucket = bucket;
    this.#list = list;
    this.#attemptMs = attemptMs;
  }

  async get(key: string): Promise<KvEntry | undefined> {
    const subject = `$JS.API.DIRECT.GET.KV_${this.#bucket}.${this.#subject(key)}`;
    const answer = await this.#ask(subject, EMPTY);
    const status = answer.header("Status");
    if (status === "404") return undefined;
    const revision = Number(answer.header("Nats-Sequence"));
    if (status !== undefined || !Number.isInteger(revision) || revision < 1) {
      throw new BusApiError(
        subject,
        Number(status ?? 500),
        0,
        answer.header("Description") ?? "unreadable answer",
      );
    }
    // Other clients delete by a marker.
    if (answer.header("KV-Operation") !== undefined) return undefined;
    return { key, value: answer.data, revision };
  }

  put(key: string, value: Uint8Array): Promise<number> {
    return this.#write(key, value, undefined);
  }

  async create(key: string, value: Uint8Array): Promise<number> {
    return this.#write(key, value, 0);
  }

  async update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#write(key, value, revision);
  }

  /** Overwrites the value on disk rather than marking it deleted, so that what was purged cannot be read there. */
  async purge(key: string): Promise<void> {
    for (;;) {
      const last = await this.#last(key);
      if (last === undefined) return;
      const { subject, error } = await this.#delete({ seq: last });
      // There is no other value beside the last.
      if (!error) return;
      if (error.err_code !== NO_MESSAGE_FOUND && error.code !== 404) {
        // Somebody else deleted or replaced it meanwhile: look again. Anything else is an error.
        if ((await this.#last(key)) === last) throw apiError(subject, error);
      }
    }
  }

  async remove(revision: number): Promise<void> {
    const { subject, error } = await this.#delete({ seq: revision, no_erase: true });
    // Of one that is not there any more servers say one thing or another.
    if (error && (await this.#isThere(revision))) throw apiError(subject, error);
  }

  async keys(prefix = ""): Promise<string[]> {
    return (await this.#list(prefix)).filter((key) => key.startsWith(prefix));
  }

  watch(watcher: KvWatcher, options: KvWatchOptions = {}): KvWatch {
    return watchBucket(this.#bus, this.#bucket, watcher, options);
  }

  async #last(key: string): Promise<number | undefined> {
    const answer = await this.#ask(`$JS.API.DIRECT.GET.KV_${this.#bucket}.${this.#subject(key)}`, EMPTY);
    const revision = Number(answer.header("Nats-Sequence"));
    return answer.header("Status") === undefined && revision > 0 ? revision : undefined;
  }

  async #delete(request: { seq: number; no_erase?: true }) {
    const subject = `$JS.API.STREAM.MSG.DELETE.KV_${this.#bucket}`;
    const { error } = parse(await this.#ask(subject, Buffer.from(JSON.stringify(request))));
    return { subject, error };
  }

  async #isThere(revision: number): Promise<boolean> {
    const request = Buffer.from(JSON.stringify({ seq: revision }));
    const answer = await this.#ask(`$JS.API.DIRECT.GET.KV_${this.#bucket}`, request);
    return answer.header("Status") === undefined;
  }

  #subject(key: string): string {
    if (!KEY.test(key)) throw new BusUsageError(`not a key for bucket ${this.#bucket}: "${key}"`);
    return `$KV.${this.#bucket}.${key}`;
  }

  async #write(key: string, value: Uint8Array, expected: number | undefined): Promise<number> {
    const subject = this.#subject(key);
    const headers: Record<string, string> = { "Nats-Msg-Id": nuid.next() };
    if (expected !== undefined) headers["Nats-Expected-Last-Subject-Sequence"] = String(expected);
    const answer = parse(await this.#ask(subject, value, headers));
    if (answer.error) {
      if (answer.error.err_code === WRONG_LAST_SEQUENCE) throw new KvConflictError(this.#bucket, key);
      throw apiError(subject, answer.error);
    }
    return answer.seq ?? 0;
  }

  /** Reads are repeatable, writes carry a message id: an attempt that got no answer can be made again. */
  async #ask(subject: string, data: Uint8Array, headers?: Record<string, string>): Promise<BusMessage> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#bus.request(subject, data, { timeoutMs: this.#attemptMs, headers });
      } catch (error) {
        const passing = error instanceof BusTimeoutError || error instanceof NoRespondersError;
        if (!passing || attempt >= ATTEMPTS) throw error;
        // JetStream listens a moment after the server accepts connections.
        if (error instanceof NoRespondersError)
          await new Promise((resolve) => setTimeout(resolve, 100 * attempt));
      }
    }
  }
}

interface ApiAnswer {
  readonly seq?: number;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

function parse(answer: BusMessage): ApiAnswer {
  try {
    return JSON.parse(Buffer.from(answer.data).toString("utf8")) as ApiAnswer;
  } catch {
    return { error: { code: 500, description: "unreadable answer of JetStream" } };
  }
}

function apiError(subject: string, error: NonNullable<ApiAnswer["error"]>): BusApiError {
  return new BusApiError(subject, error.code, error.err_code ?? 0, error.description ?? "JetStream error");
}
