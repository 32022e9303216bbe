/** One node: log, index, host and services put together behind the `Engine` face. */
import { join } from "node:path";
import { Level } from "level";
import type { Address } from "./address.ts";
import type { Bus } from "./bus/bus.ts";
import { type Subjects, subjectsOf } from "./bus/subjects.ts";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import type { AppendResult, CallOptions, Engine } from "./engine.ts";
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
import { LogReader } from "./log/reader.ts";
import { RecordIndex } from "./log/record-index.ts";
import type { KeyRing } from "./log/sealer.ts";
import { ensureStream, messageAt, type StreamOptions, streamState } from "./log/stream.ts";

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
  /** Told how far catching up with the log is. */
  readonly progress?: (done: number, all: number) => void;
}

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
  readonly #stopping = new AbortController();

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
    });
    this.#dispatcher = new Dispatcher(bus, { subject: n.service, clock: this.#clock });
    this.deadLetters = new DeadLetters(bus, keys, { stream: n.deadStream, subject: n.dead });
    this.#services = new ServiceHost(bus, options.services, {
      subject: n.serviceAll,
      onError: (service, operation, error) =>
        options.log.error("an operation failed", {
          service,
          operation,
          error: (error as Error)?.name ?? "error",
        }),
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
        onSink: (record) => {
          for (const listener of this.#followers.get(record.to.key) ?? []) listener(record);
        },
        onRecord: (record) => {
          for (const listener of this.#observers) listener(record);
        },
        onDone: ({ id, to }) => this.#admission.leave(to, id),
      },
      options.host,
    );
  }

  static async start(options: NodeOptions): Promise<Node> {
    const db = new Level<string, string>(join(options.dir), { valueEncoding: "utf8" });
    await db.open();
    const node = new Node(options, db);
    try {
      await node.#start();
    } catch (error) {
      await db.close();
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
    await this.#services.start();
    this.#host.start(head, unclean);
    for (let p = 0; p < partitions; p++) {
      const reader = new LogReader(bus, {
        stream: n.logStream,
        subject: n.log(p),
        from: this.#host.own(p),
        onRecord: (record) => this.#host.handle(p, record),
        onRestart: (reason) => this.#o.log.warn("reading starts again", { partition: p, reason }),
      });
      this.#readers.push(reader);
      reader.start();
    }
    await this.#host.wake();
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
      throw error;
    }
  }

  read(address: Address): Promise<ActorView | undefined> {
    return this.#host.read(address);
  }

  async list(kind: string): Promise<ActorView[]> {
    const views: ActorView[] = [];
    for (const address of await this.#host.open(kind)) {
      const view = await this.#host.read(address);
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
    return this.#host.verify(address);
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

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#readers.map((reader) => reader.stop()));
    await this.#host.stop();
    await this.#services.stop();
    await this.#index.stop();
    await this.#store.markStopped();
    await this.#db.close();
  }

  /** Ends as a crash would: nothing more is written. For tests of recovery within one process. */
  async crash(): Promise<void> {
    this.#host.abandon();
    await Promise.all(this.#readers.map((reader) => reader.stop()));
    await this.#services.stop(0);
    await this.#index.abandon();
    await this.#db.close();
  }

  async #fetch(seqs: readonly number[]): Promise<StoredRecord[]> {
    const found: StoredRecord[] = [];
    for (let i = 0; i < seqs.length; i += FETCH_WINDOW) {
      const window = await Promise.all(seqs.slice(i, i + FETCH_WINDOW).map((seq) => this.#recordAt(seq)));
      for (const record of window) if (record) found.push(record);
    }
    return found;
  }

  async #recordAt(seq: number): Promise<StoredRecord | undefined> {
    const message = await messageAt(this.#o.bus, this.#names.logStream, seq);
    if (!message) return undefined;
    const closed = decodeRecord(seq, message.data);
    const opened = await openRecord(closed, this.#o.keys);
    return opened.ok ? { ...closed.envelope, seq, data: opened.data } : undefined;
  }
}
