/**
 * Watches a bucket: one push consumer without acknowledgements, whose own sequence has to be gapless. Where it is not,
 * where the server fell silent or the connection was made anew, a new consumer lists everything again. The library's
 * watch takes ten seconds and more to find that its server is gone.
 */
import type { Bus, BusMessage, KvEntry, KvWatch, KvWatcher, KvWatchOptions } from "./bus.ts";
import { placeOf } from "./delivery.ts";
import { BusApiError, BusUsageError } from "./errors.ts";

const MIN_HEARTBEAT_MS = 100;
/** Silence that is too long, in heartbeats. */
const SILENT_BEATS = 2.5;
const RETRY_MS = 50;
const CREATE_TIMEOUT_MS = 2_000;
/** How long the server keeps a consumer that nobody listens to, ns. */
const UNHEARD_NS = 10e9;

export function watchBucket(bus: Bus, bucket: string, watcher: KvWatcher, options: KvWatchOptions): KvWatch {
  const heartbeatMs = options.heartbeatMs ?? 1_000;
  if (!(heartbeatMs >= MIN_HEARTBEAT_MS)) {
    throw new BusUsageError(`a heartbeat of ${heartbeatMs} ms: the server takes ${MIN_HEARTBEAT_MS} or more`);
  }
  const watch = new BucketWatch(bus, bucket, watcher, heartbeatMs);
  void watch.run();
  return watch;
}

class BucketWatch implements KvWatch {
  readonly #bus: Bus;
  readonly #stream: string;
  /** What keys are preceded by on the bus. */
  readonly #prefix: string;
  readonly #watcher: KvWatcher;
  readonly #heartbeatMs: number;
  #stopped = false;
  /** Ends what is waited for at the moment, with a reason. */
  #end: (reason: string) => void = () => {};

  constructor(bus: Bus, bucket: string, watcher: KvWatcher, heartbeatMs: number) {
    this.#bus = bus;
    this.#stream = `KV_${bucket}`;
    this.#prefix = `$KV.${bucket}.`;
    this.#watcher = watcher;
    this.#heartbeatMs = heartbeatMs;
  }

  stop(): void {
    this.#stopped = true;
    this.#end("stopped");
  }

  async run(): Promise<void> {
    const offStatus = this.#bus.onStatus((status) => {
      if (status === "connected") this.#end("the connection was re-established");
      if (status === "closed") this.stop();
    });
    while (!this.#stopped && this.#bus.status !== "closed") {
      const reason = await this.#watchOnce().catch((error: Error) => error.message);
      if (this.#stopped) break;
      this.#watcher.onRestart?.(reason);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RETRY_MS);
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    offStatus();
  }

  /** Watches with one consumer until it has to be given up; answers why. */
  async #watchOnce(): Promise<string> {
    const inbox = this.#bus.inbox();
    let open = true;
    const ended = new Promise<string>((resolve) => {
      this.#end = (reason) => {
        open = false;
        resolve(reason);
      };
    });
    let listed: KvEntry[] | undefined = [];
    let delivered = 0;
    let heardAt = performance.now();
    const endList = (): void => {
      const all = listed;
      listed = undefined;
      if (all && open) this.#watcher.onAll(all);
    };
    const beat = (message: BusMessage, status: string): void => {
      const sent = Number(message.header("Nats-Last-Consumer") ?? delivered);
      if (status !== "100") this.#end(`status ${status} ${message.header("Description") ?? ""}`);
      else if (sent !== delivered) this.#end(`gap: ${sent} were sent, ${delivered} arrived`);
      // What was to be listed last may have been overwritten meanwhile: then nothing says that it was the last.
      else endList();
    };
    const subscription = this.#bus.subscribe(inbox, (message) => {
      if (!open) return;
      heardAt = performance.now();
      const status = message.header("Status");
      if (status !== undefined) {
        beat(message, status);
        return;
      }
      const { consumerSeq, streamSeq, pending } = placeOf(message);
      if (consumerSeq !== ++delivered) {
        this.#end(`gap: expected ${delivered}, got ${consumerSeq}`);
        return;
      }
      // Other clients delete by a marker.
      const deleted = message.header("KV-Operation") !== undefined;
      const key = message.subject.slice(this.#prefix.length);
      const entry = { key, value: message.data, revision: streamSeq };
      if (listed && !deleted) listed.push(entry);
      else if (!listed && deleted) this.#end("a key was deleted");
      else if (!listed) this.#watcher.onEntry(entry);
      if (pending === 0) endList();
    });
    let consumer: string | undefined;
    let silence: NodeJS.Timeout | undefined;
    try {
      const created = await Promise.race([this.#create(inbox), ended]);
      if (typeof created === "string") return created;
      consumer = created.name;
      if (created.pending === 0) endList();
      silence = setInterval(() => {
        if (performance.now() - heardAt > SILENT_BEATS * this.#heartbeatMs)
          this.#end("the server fell silent");
      }, this.#heartbeatMs / 2);
      return await ended;
    } finally {
      open = false;
      clearInterval(silence);
      subscription.unsubscribe();
      if (consumer !== undefined && this.#bus.status === "connected") {
        this.#bus.publish(`$JS.API.CONSUMER.DELETE.${this.#stream}.${consumer}`, new Uint8Array());
      }
    }
  }

  async #create(inbox: string): Promise<{ name: string; pending: number }> {
    const subject = `$JS.API.CONSUMER.CREATE.${this.#stream}`;
    const request = {
      stream_name: this.#stream,
      config: {
        deliver_subject: inbox,
        deliver_policy: "last_per_subject",
        filter_subject: `${this.#prefix}>`,
        ack_policy: "none",
        idle_heartbeat: Math.round(this.#heartbeatMs * 1e6),
        inactive_threshold: UNHEARD_NS,
        mem_storage: true,
        num_replicas: 1,
      },
    };
    const answer = await this.#bus.request(subject, Buffer.from(JSON.stringify(request)), {
      timeoutMs: CREATE_TIMEOUT_MS,
    });
    const { name, num_pending, error } = JSON.parse(Buffer.from(answer.data).toString("utf8"));
    if (error) throw new BusApiError(subject, error.code, error.err_code ?? 0, error.description ?? "");
    return { name, pending: num_pending };
  }
}
