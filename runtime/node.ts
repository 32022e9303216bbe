/** One node: log, index, host and services put together behind the `Engine` face. */
import type { Level } from "level";
import { ActorReads } from "./actor-reads.ts";
import { type Address, formatAddress, parseAddress } from "./address.ts";
import { type Subjects, subjectsOf } from "./bus/subjects.ts";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { Elsewhere } from "./elsewhere.ts";
import type { AppendResult, CallOptions, Engine } from "./engine.ts";
import type { Envelope, NewRecord, StoredRecord } from "./envelope.ts";
import { Admission, type Where } from "./host/admission.ts";
import { CellStore } from "./host/cell-store.ts";
import type { ActorView } from "./host/definition.ts";
import { Dispatcher } from "./host/dispatcher.ts";
import { Host } from "./host/host.ts";
import { SampledChecks } from "./host/sampled-checks.ts";
import { AskError } from "./host/service.ts";
import { ServiceHost } from "./host/service-host.ts";
import { versionsByKind, versionToBegin } from "./host/versions.ts";
import { derivedId, newId } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import { Appender } from "./log/appender.ts";
import { Bodies } from "./log/bodies.ts";
import { LeftLogError } from "./log/checkpoint.ts";
import { decodeRecord, openRecord } from "./log/codec.ts";
import { DeadLetters } from "./log/dead-letters.ts";
import { HEADER_DESTROYED } from "./log/keyring.ts";
import type { LogSource } from "./log/read.ts";
import { RecordIndex } from "./log/record-index.ts";
import { ensureStream, streamState } from "./log/stream.ts";
import { LogReads } from "./log-reads.ts";
import type { NodeOptions } from "./node-options.ts";
import { Partitions } from "./partitions.ts";
import { Retention } from "./retention.ts";
import { SinkFollowers } from "./sink-followers.ts";
import { openStore } from "./store.ts";
import { type VisitText, visitTexts } from "./texts.ts";
import { available, rethrow } from "./unavailable.ts";

/** How often the others are told of one actor that is far behind, ms. */
const TELL_BEHIND_MS = 250;

export class Node implements Engine {
  readonly workspace: string;
  readonly deadLetters: DeadLetters;
  readonly #o: NodeOptions;
  readonly #clock: Clock;
  readonly #names: Subjects;
  readonly #db: Level<string, string>;
  readonly #index: RecordIndex;
  readonly #store: CellStore;
  readonly #bodies: Bodies;
  readonly #source: LogSource;
  readonly #reads: LogReads;
  readonly #appender: Appender;
  /** Versions of machines that this node runs, by kind; without the kinds that have their first one only. */
  readonly #versions: Readonly<Record<string, readonly number[]>>;
  readonly #dispatcher: Dispatcher;
  readonly #services: ServiceHost;
  readonly #admission: Admission;
  readonly #checks: SampledChecks;
  readonly #host: Host;
  readonly #partitions: Partitions;
  readonly #retention: Retention;
  readonly #elsewhere: Elsewhere | undefined;
  readonly #actors: ActorReads;
  readonly #followers: SinkFollowers;
  readonly #sinks: ReadonlySet<string>;
  readonly #ends: (() => void)[] = [];
  /** When the others were last told that an actor is behind, monotonic, ms. */
  readonly #told = new Map<string, number>();
  readonly #observers: Set<(record: StoredRecord) => void>;
  /** Appends of clients that are not answered yet. */
  readonly #appending = new Set<Promise<unknown>>();
  #serving = false;

  private constructor(options: NodeOptions, db: Level<string, string>) {
    const { bus, keys } = options;
    this.#o = options;
    this.#observers = new Set(options.observers);
    this.workspace = options.workspace;
    this.#versions = versionsByKind(options.definitions);
    this.#sinks = new Set(options.definitions.filter((d) => d.sink).map((d) => d.kind));
    this.#clock = options.clock ?? systemClock;
    this.#db = db;
    const n = subjectsOf(options.workspace);
    this.#names = n;
    this.#index = new RecordIndex(db);
    this.#bodies = new Bodies(bus, n);
    this.#source = { bus, stream: n.logStream, keys, bodies: this.#bodies };
    this.#reads = new LogReads(this.#source, this.#index, options.log);
    this.#appender = new Appender(bus, keys, {
      bodies: this.#bodies,
      subject: n.log,
      body: options.body,
      partitions: options.partitions ?? 32,
      machineOf: (kind) => this.#machineOf(kind),
      ...(options.appendTimeoutMs === undefined ? {} : { ackTimeoutMs: options.appendTimeoutMs }),
    });
    this.#store = new CellStore(db, keys, (to) => this.#appender.partitionOf(to));
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
    this.#checks = new SampledChecks(
      {
        records: (to) => this.records(to),
        snapshot: (to) => this.#store.load(to),
        log: options.log,
        startedAt: this.#clock.now(),
      },
      options.host?.verifyEvery,
    );
    this.#host = new Host(
      {
        ...this.#source,
        appender: this.#appender,
        index: this.#index,
        store: this.#store,
        dispatcher: this.#dispatcher,
        deadLetters: this.deadLetters,
        definitions: options.definitions,
        checkpoints: options.retention !== undefined,
        clock: this.#clock,
        policy: options.policy,
        log: options.log,
        // In a cluster it is seen in the log, whoever wrote it.
        onSink: (record) => (options.cluster ? undefined : this.#followers.take(record)),
        onRecord: (record) => this.#tell(this.#observers, record),
        onDone: ({ id, to }) => this.#admission.leave(to, id),
        onBehind: options.cluster && ((to, waiting) => this.#tellBehind(to, waiting)),
        onPassivated: (cell) => this.#checks.offer(cell),
        onFailure: options.onFailure,
      },
      options.host,
    );
    this.#followers = new SinkFollowers({
      read: (seq) => this.#reads.at(seq),
      warn: (message, details) => options.log.warn(message, details),
    });
    this.#partitions = new Partitions({
      bus,
      names: n,
      partitions: options.partitions ?? 32,
      host: this.#host,
      index: this.#index,
      store: this.#store,
      appender: this.#appender,
      source: this.#source,
      clock: this.#clock,
      log: options.log,
      credit: options.credit,
      onDropped: (number) =>
        this.#admission.forget((actor) => this.#appender.partitionOf(parseAddress(actor)) === number),
      onFailure: options.onFailure,
    });
    this.#retention = new Retention(
      {
        bus,
        names: n,
        db,
        host: this.#host.leaving,
        index: this.#index,
        deadLetters: this.deadLetters,
        floors: () => this.#partitions.floors,
        appended: () => Promise.allSettled(this.#appending),
        clock: this.#clock,
        log: options.log,
      },
      options.retention,
    );
    this.#elsewhere =
      options.cluster &&
      new Elsewhere({
        bus,
        names: n,
        node: options.cluster.node,
        isHere: (to) => this.#partitions.isHere(to),
        read: (to) => this.#actors.here(to),
        open: (kind) => this.#host.open(kind),
      });
    this.#actors = new ActorReads({
      host: this.#host,
      partitions: this.#partitions,
      index: this.#index,
      admission: this.#admission,
      keys,
      elsewhere: this.#elsewhere,
    });
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
    const { bus, cluster, progress } = this.#o;
    const n = this.#names;
    await ensureStream(bus, n.logStream, [n.logAll], this.#o.stream);
    await this.deadLetters.open(this.#o.stream?.replicas);
    await this.#bodies.open(this.#o.stream?.replicas);
    const erased = bus.subscribe(n.keysDrop, (message) => {
      if (message.header(HEADER_DESTROYED)) this.#dropErased();
    });
    this.#ends.push(() => erased.unsubscribe());
    // What a crash has left of it.
    this.#dropErased();
    const onNoted = (seq: number, to: Address): void => {
      if (this.#sinks.has(to.kind)) this.#followers.see(seq, to);
    };
    await this.#index.follow(bus, n.logStream, n.logAll, progress, cluster && onNoted);
    const head = this.#index.head;
    await this.#store.open();
    const unclean = await this.#store.markRunning();
    this.#serving = true;
    await this.#services.start();
    this.#host.start();
    this.#retention.start();
    if (!cluster) {
      await this.#partitions.startAlone(head, unclean);
      return;
    }
    const behind = bus.subscribe(n.behind, (message) => {
      const name = Buffer.from(message.data).toString("utf8");
      // This node's own word comes back to it; it counts what waits here more closely.
      if (!this.#told.has(name)) this.#admission.isBehind(name);
    });
    this.#ends.push(() => behind.unsubscribe());
    const left = bus.subscribe(n.left, ({ data }) => {
      const first = Number(Buffer.from(data).toString("utf8"));
      // More than the log has can't have left it.
      if (first <= this.#index.head + 1) this.#index.left(first);
    });
    this.#ends.push(() => left.unsubscribe());
    this.#elsewhere!.start();
    this.#ends.push(() => this.#elsewhere!.stop());
    const info = { ...cluster.info, machines: this.#versions };
    await this.#partitions.startAmongOthers({ ...cluster, info });
  }

  /** Version that an actor of a kind begins with; undefined for the first. */
  #machineOf(kind: string): number | undefined {
    const own = this.#versions[kind];
    if (!own) return undefined;
    const others = this.#partitions.othersInfo().map(({ machines }) => machines);
    return versionToBegin(kind, own, others);
  }

  #dropErased(): void {
    this.#bodies.dropErased(this.#o.keys).catch((error) => {
      // Cut off by its own end it is nothing to tell of.
      if (this.#ends.length > 0)
        this.#o.log.warn(
          "bodies of who was erased are still there, unreadable: the next start deletes them",
          {
            error: String((error as Error)?.message ?? error),
          },
        );
    });
  }

  async append(record: NewRecord): Promise<AppendResult> {
    const known = this.#index.firstSeq(record.id);
    if (known !== undefined) return { id: record.id, seq: known, duplicate: true };
    this.#mustNotHaveLeft(record.to);
    this.#admission.enter(record.to, record.id, this.#whereIs(record.to));
    const envelope: Envelope = { clear: {}, data: {}, ...record, at: this.#clock.now(), epoch: 0 };
    const append = this.#appender.append(envelope);
    this.#appending.add(append);
    try {
      const ack = await append;
      if (ack.duplicate) this.#admission.leave(record.to, record.id);
      return { id: record.id, seq: ack.seq, duplicate: ack.duplicate };
    } catch (error) {
      this.#admission.leave(record.to, record.id);
      throw available(error);
    } finally {
      this.#appending.delete(append);
    }
  }

  async read(address: Address): Promise<ActorView | undefined> {
    this.#mustNotHaveLeft(address);
    return this.#actors.read(address);
  }

  list(kind: string): Promise<ActorView[]> {
    return this.#actors.list(kind);
  }

  records(address: Address, after = 0): Promise<StoredRecord[]> {
    return this.#reads.ofActor(address, after);
  }

  recordsOfKey(key: string, after = 0): Promise<StoredRecord[]> {
    return this.#reads.ofKey(key, after);
  }

  latest(kind: string, count: number): Promise<Address[]> {
    return this.#reads.latest(kind, count);
  }

  leftOfKey(key: string): Promise<number> {
    return this.#reads.leftOfKey(key);
  }

  /** Has everything leave the log at once that may, as is done every `retention.everyMs`. @throws UnavailableError */
  leaveLog(): Promise<void> {
    return this.#retention.pass().catch(rethrow);
  }

  follow(key: string, listener: (record: StoredRecord) => void): () => void {
    return this.#followers.follow(key, listener);
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
    const opened = await openRecord(closed, this.#o.keys, this.#bodies);
    if (!opened.ok) throw new Error("the customer of this record was erased: drop the letter");
    const { envelope } = closed;
    const id = derivedId(envelope.id, "retry", number);
    const result = await this.append({ ...envelope, id, cause: envelope.id, data: opened.data });
    await this.deadLetters.drop(number);
    return result;
  }

  /** Whether this node owns an actor. */
  isHere(to: Address): boolean {
    return this.#partitions.isHere(to);
  }

  status(): JsonObject {
    const cluster = this.#partitions.status();
    return {
      workspace: this.workspace,
      nats: { server: this.#o.bus.serverVersion, status: this.#o.bus.status },
      log: {
        first: this.#index.first,
        head: this.#index.head,
        ...this.#retention.counts,
        partitions: this.#o.partitions ?? 32,
      },
      host: { ...this.#host.status(), ...this.#checks.status() },
      ...(cluster ? { cluster } : {}),
      services: this.#services.health(),
    };
  }

  /** Shows everything that this node can read of what it keeps, opened: records, states, dead letters. */
  visitTexts(visit: VisitText, signal?: AbortSignal): Promise<void> {
    const { deadLetters } = this;
    return visitTexts(
      { ...this.#source, names: this.#names, store: this.#store, deadLetters },
      visit,
      signal,
    );
  }

  /** Size of the log. */
  logState() {
    return streamState(this.#o.bus, this.#names.logStream);
  }

  /** @throws when not everything could be written; it is stopped all the same. */
  async stop(): Promise<void> {
    // What it has under way ends with the partitions.
    void this.#retention.stop();
    await this.#partitions.stop();
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

  /** Ends whatever runs, and writes nothing. */
  async #end(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    const ended = this.#retention.stop();
    this.#host.abandon();
    await this.#partitions.abandon();
    await this.#endServices(0);
    await this.#index.abandon();
    await this.#checks.stop();
    await ended;
    await this.#db.close();
  }

  async #endServices(graceMs: number): Promise<void> {
    if (!this.#serving) return;
    this.#serving = false;
    await this.#services.stop(graceMs);
  }

  #mustNotHaveLeft(to: Address): void {
    if (!this.#sinks.has(to.kind) && this.#index.hasLeft(to)) throw new LeftLogError(to);
  }

  #whereIs(to: Address): Where {
    if (!this.#elsewhere || this.#partitions.isHere(to)) return "here";
    return this.#partitions.ownerOf(to) === undefined ? "nowhere" : "elsewhere";
  }

  #tellBehind(to: Address, waiting: number): void {
    if (waiting < this.#admission.tellFrom) return;
    const name = formatAddress(to);
    const now = performance.now();
    for (const [other, at] of this.#told) if (now - at > TELL_BEHIND_MS) this.#told.delete(other);
    if (this.#told.has(name)) return;
    this.#told.set(name, now);
    this.#o.bus.publish(this.#names.behind, Buffer.from(name));
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
}
