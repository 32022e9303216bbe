/** One node: log, index, host and services put together behind the `Engine` face. */
import type { Level } from "level";
import type { Address } from "./address.ts";
import type { Bus } from "./bus/bus.ts";
import { type Subjects, subjectsOf } from "./bus/subjects.ts";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { type AppendResult, type CallOptions, type Engine, UnavailableError } from "./engine.ts";
import type { Envelope, NewRecord, StoredRecord } from "./envelope.ts";
import { Admission, type AdmissionOptions } from "./host/admission.ts";
import { CellStore } from "./host/cell-store.ts";
import type { ActorDefinition, ActorView } from "./host/definition.ts";
import { Dispatcher } from "./host/dispatcher.ts";
import { Host, type HostLog, type HostOptions, type RestartPolicy } from "./host/host.ts";
import type { Service } from "./host/service.ts";
import { AskError } from "./host/service.ts";
import { ServiceHost } from "./host/service-host.ts";
import { derivedId, newId } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import { Appender } from "./log/appender.ts";
import { decodeRecord, openRecord } from "./log/codec.ts";
import { DeadLetters } from "./log/dead-letters.ts";
import { isPassing, readRecord } from "./log/read.ts";
import { LogReader } from "./log/reader.ts";
import { RecordIndex } from "./log/record-index.ts";
import type { KeyRing } from "./log/sealer.ts";
import { ensureStream, type StreamOptions, streamState } from "./log/stream.ts";
import { openStore } from "./store.ts";

export interface NodeOptions {
  readonly bus: Bus;
  readonly keys: KeyRing;
  readonly workspace: string;
  /** Directory of this node's LevelDB, `<data-dir>/engine`. */
  readonly dir: string;
  readonly definitions: readonly ActorDefinition[];
  readonly services: readonly Service[];
  readonly policy: RestartPolicy;
  readonly log: HostLog;
  readonly clock?: Clock;
  /** Fixed when the log is created. Default 32. */
  readonly partitions?: number;
  readonly stream?: StreamOptions;
  readonly host?: HostOptions;
  readonly admission?: AdmissionOptions;
  /** Records of one partition that are read ahead of what has been taken. Default 256. */
  readonly credit?: number;
  /** How long one append may take before it is tried again, ms. Default 3,000. */
  readonly appendTimeoutMs?: number;
  /** Told how far catching up with the log is. */
  readonly progress?: (done: number, all: number) => void;
  /** Called once when the node can't go on: it has to be stopped and started again. */
  readonly onFailure?: (error: Error) => void;
}

/** What a client is told to wait when the log can't be reached, ms. */
const RETRY_AFTER_MS = 1_000;
/** Longest wait at the start for what an earlier process left to fold, ms. */
const CATCH_UP_MS = 10_000;

/** How long a read waits for the first record of an actor that is in the log and not folded yet, ms. */
const READ_OWN_WRITES_MS = 1_000;
const READ_AGAIN_MS = 5;
/** Reads of the log that are under way at once when records are fetched one by one. */
const FETCH_WINDOW = 32;

export class Node implements Engine {
  readonly workspace: string;
  readonly deadLetters: DeadLetters;
  readonly #o: NodeOptions;
  readonly #clock: Clock;
  readonly #names: Subjects;
  readonly #db: Level<string, string>;
  readonly #index: RecordIndex;
  readonly #store: CellStore;
  readonly #appender: Appender;
  readonly #dispatcher: Dispatcher;
  readonly #services: ServiceHost;
  readonly #admission: Admission;
  readonly #host: Host;
  readonly #readers: LogReader[] = [];
  readonly #followers = new Map<string, Set<(record: StoredRecord) => void>>();
  readonly #observers = new Set<(record: StoredRecord) => void>();
  #serving = false;

  private constructor(options: NodeOptions, db: Level<string, string>) {
    const { bus, keys } = options;
    this.#o = options;
    this.workspace = options.workspace;
    this.#clock = options.clock ?? systemClock;
    this.#db = db;
    const n = subjectsOf(options.workspace);
    this.#names = n;
    this.#index = new RecordIndex(db);
    this.#store = new CellStore(db, keys);
    this.#appender = new Appender(bus, keys, {
      stream: n.logStream,
      subject: n.log,
      partitions: options.partitions ?? 32,
      ...(options.appendTimeoutMs === undefined ? {} : { ackTimeoutMs: options.appendTimeoutMs }),
    });
    this.deadLetters = new DeadLetters(bus, keys, {
      stream: n.deadStream,
      subject: n.dead,
      log: n.logStream,
    });
    this.#services = new ServiceHost(bus, options.services, {
      subject: n.serviceAll,
      onError: (service, operation, error) =>
        options.log.error("an operation failed", {
          service,
          operation,
          error: (error as Error)?.name ?? "error",
        }),
    });
    this.#dispatcher = new Dispatcher(bus, {
      subject: n.service,
      clock: this.#clock,
      local: this.#services,
    });
    this.#admission = new Admission(options.admission);
    this.#host = new Host(
      {
        bus,
        stream: n.logStream,
        appender: this.#appender,
        index: this.#index,
        store: this.#store,
        keys,
        dispatcher: this.#dispatcher,
        deadLetters: this.deadLetters,
        definitions: options.definitions,
        clock: this.#clock,
        policy: options.policy,
        log: options.log,
        onSink: (record) => this.#tell(this.#followers.get(record.to.key), record),
        onRecord: (record) => this.#tell(this.#observers, record),
        onDone: ({ id, to }) => this.#admission.leave(to, id),
        onFailure: options.onFailure,
      },
      options.host,
    );
  }

  static async start(options: NodeOptions): Promise<Node> {
    const db = await openStore(options.dir, (reason) =>
      options.log.error("the store is damaged and is built again from the log", { reason }),
    );
    const node = new Node(options, db);
    try {
      await node.#start();
    } catch (error) {
      await node.#end();
      throw error;
    }
    return node;
  }

  async #start(): Promise<void> {
    const { bus, partitions = 32 } = this.#o;
    const n = this.#names;
    await ensureStream(bus, n.logStream, [n.logAll], this.#o.stream);
    await this.deadLetters.open();
    await this.#index.follow(bus, n.logStream, n.logAll, this.#o.progress);
    const head = this.#index.head;
    const unclean = await this.#store.markRunning();
    this.#serving = true;
    await this.#services.start();
    this.#host.start(head, unclean);
    const caughtUp: Promise<void>[] = [];
    for (let p = 0; p < partitions; p++) {
      caughtUp.push(
        new Promise((resolve) => {
          const reader = new LogReader(bus, {
            stream: n.logStream,
            subject: n.log(p),
            from: this.#host.own(p),
            batch: this.#o.credit,
            onRecord: (record) => this.#host.handle(p, record),
            onRestart: (reason) => this.#o.log.warn("reading starts again", { partition: p, reason }),
            onEnd: resolve,
          });
          this.#readers.push(reader);
          reader.start();
        }),
      );
    }
    // What was due or open when the last process ended may have been settled by what it left to fold.
    await within(Promise.all(caughtUp), CATCH_UP_MS);
    await this.#host.wake();
    await this.#index.leaveToReaders();
  }

  async append(record: NewRecord): Promise<AppendResult> {
    const known = this.#index.firstSeq(record.id);
    if (known !== undefined) return { id: record.id, seq: known, duplicate: true };
    this.#admission.enter(record.to, record.id);
    const envelope: Envelope = { clear: {}, data: {}, ...record, at: this.#clock.now(), epoch: 0 };
    try {
      const ack = await this.#appender.append(envelope);
      if (ack.duplicate) this.#admission.leave(record.to, record.id);
      return { id: record.id, seq: ack.seq, duplicate: ack.duplicate };
    } catch (error) {
      this.#admission.leave(record.to, record.id);
      throw available(error);
    }
  }

  async read(address: Address): Promise<ActorView | undefined> {
    const end = performance.now() + READ_OWN_WRITES_MS;
    for (;;) {
      const view = await this.#host.read(address).catch(rethrow);
      if (view || performance.now() > end) return view;
      // Acknowledged a moment ago, or not read again yet after a start: on its way to the cell.
      const coming = this.#admission.isWaiting(address) || (await this.#index.ofActor(address)).length > 0;
      if (!coming) return undefined;
      await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
    }
  }

  async list(kind: string): Promise<ActorView[]> {
    const views: ActorView[] = [];
    for (const address of await this.#host.open(kind)) {
      const view = await this.read(address);
      if (view) views.push(view);
    }
    return views;
  }

  async records(address: Address, after = 0): Promise<StoredRecord[]> {
    return this.#fetch(await this.#index.ofActor(address, after));
  }

  async recordsOfKey(key: string, after = 0): Promise<StoredRecord[]> {
    return this.#fetch((await this.#index.ofKey(key, after)).map((r) => r.seq));
  }

  follow(key: string, listener: (record: StoredRecord) => void): () => void {
    let listeners = this.#followers.get(key);
    if (!listeners) {
      listeners = new Set();
      this.#followers.set(key, listeners);
    }
    const those = listeners.add(listener);
    return () => {
      those.delete(listener);
      if (those.size === 0 && this.#followers.get(key) === those) this.#followers.delete(key);
    };
  }

  observe(listener: (record: StoredRecord) => void): () => void {
    this.#observers.add(listener);
    return () => this.#observers.delete(listener);
  }

  async call(
    service: string,
    operation: string,
    input: JsonObject,
    { timeoutMs = 5_000, key = newId() }: CallOptions = {},
  ): Promise<JsonObject> {
    const deadline = this.#clock.now() + timeoutMs;
    const answer = await this.#dispatcher.ask({ service, operation, input, key, deadline });
    if (!answer.ok) throw new AskError(answer.error.code, answer.error.message, answer.error.retryable);
    return answer.value as JsonObject;
  }

  keyedHash(purpose: string, value: string): string {
    return this.#o.keys.keyedHash(purpose, value);
  }

  verify(address: Address) {
    return this.#host.verify(address).catch(rethrow);
  }

  /** Puts the record of a dead letter into the log again, under an id of its own, and drops the letter. */
  async retryDeadLetter(number: number): Promise<AppendResult | undefined> {
    const original = await this.deadLetters.original(number);
    if (!original) return undefined;
    const closed = decodeRecord(0, original);
    const opened = await openRecord(closed, this.#o.keys);
    if (!opened.ok) throw new Error("the customer of this record was erased: drop the letter");
    const { envelope } = closed;
    const id = derivedId(envelope.id, "retry", number);
    const result = await this.append({ ...envelope, id, cause: envelope.id, data: opened.data });
    await this.deadLetters.drop(number);
    return result;
  }

  status(): JsonObject {
    return {
      workspace: this.workspace,
      nats: { server: this.#o.bus.serverVersion, status: this.#o.bus.status },
      log: { head: this.#index.head, partitions: this.#readers.length },
      host: this.#host.status(),
      services: this.#services.health(),
    };
  }

  /** Size of the log. */
  logState() {
    return streamState(this.#o.bus, this.#names.logStream);
  }

  /** @throws when not everything could be written; it is stopped all the same. */
  async stop(): Promise<void> {
    await this.#endReading();
    try {
      await this.#host.stop();
      await this.#endServices(2_000);
      await this.#index.stop();
      await this.#store.markStopped();
    } finally {
      await this.#end();
    }
  }

  /** Ends as a crash would: nothing more is written. For tests of recovery within one process. */
  crash(): Promise<void> {
    return this.#end();
  }

  async #endReading(): Promise<void> {
    const readers = this.#readers.map((reader) => reader.stop());
    // A reader may wait for room in the host.
    this.#host.close();
    await Promise.all(readers);
  }

  /** Ends whatever runs, and writes nothing. */
  async #end(): Promise<void> {
    this.#host.abandon();
    await this.#endReading();
    await this.#endServices(0);
    await this.#index.abandon();
    await this.#db.close();
  }

  async #endServices(graceMs: number): Promise<void> {
    if (!this.#serving) return;
    this.#serving = false;
    await this.#services.stop(graceMs);
  }

  /** One listener's trouble is not another's. */
  #tell(listeners: Iterable<(record: StoredRecord) => void> | undefined, record: StoredRecord): void {
    for (const listener of listeners ?? []) {
      try {
        listener(record);
      } catch (error) {
        this.#o.log.warn("a listener failed", { error: (error as Error)?.name ?? "error" });
      }
    }
  }

  async #fetch(seqs: readonly number[]): Promise<StoredRecord[]> {
    const found: StoredRecord[] = [];
    for (let i = 0; i < seqs.length; i += FETCH_WINDOW) {
      const window = await Promise.all(seqs.slice(i, i + FETCH_WINDOW).map((seq) => this.#recordAt(seq)));
      for (const record of window) if (record) found.push(record);
    }
    return found;
  }

  #recordAt(seq: number): Promise<StoredRecord | undefined> {
    return readRecord(this.#o.bus, this.#names.logStream, seq, this.#o.keys).catch(rethrow);
  }
}

/** What a client can wait for becomes an `UnavailableError`. */
function available(error: unknown): unknown {
  if (!isPassing(error)) return error;
  return new UnavailableError("the log can't be reached or takes nothing at the moment", RETRY_AFTER_MS, {
    cause: error,
  });
}

function rethrow(error: unknown): never {
  throw available(error);
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
