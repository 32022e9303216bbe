/**
 * A host over a log whose order somebody else decides: the same folds, outbox, index and stores as a node's, one record at a time. Time stands where the
 * last record was put; no timer fires by itself.
 */
import type { Level } from "level";
import type { Address } from "../address.ts";
import type { Clock } from "../clock.ts";
import type { Envelope } from "../envelope.ts";
import { CellStore } from "../host/cell-store.ts";
import type { ActorDefinition, ActorView } from "../host/definition.ts";
import { Host } from "../host/host.ts";
import type { HostLog, HostParts } from "../host/host-options.ts";
import { HEADER_ID } from "../log/codec.ts";
import { DeadLetters } from "../log/dead-letters.ts";
import { RecordIndex } from "../log/record-index.ts";
import { openStore } from "../store.ts";
import { type HeldLog, named, PARTITION } from "./held-log.ts";

export interface ReplayHostOptions {
  /** Directory of its LevelDB. */
  readonly dir: string;
  readonly log: HeldLog;
  readonly definitions: readonly ActorDefinition[];
  readonly dispatcher: HostParts["dispatcher"];
  /** How long a record may take, ms: an actor that never comes to an end is a failure. Default 10,000. */
  readonly recordMs?: number;
  /** What the host tells the log of the process. */
  readonly report?: HostLog;
}

/** The host can't do what it is asked: an actor that folds for ever, or one that waits for a version that there is not. */
export class ReplayStuckError extends Error {
  override readonly name = "ReplayStuckError";
}

/** Log time: that of the record that is put last. */
export class RecordedClock implements Clock {
  at = 0;
  now(): number {
    return this.at;
  }
  monotonic(): number {
    return performance.now();
  }
}

const EPOCH = 1;
const SILENT: HostLog = { warn: () => {}, error: () => {} };
const RECORD_MS = 10_000;

export class ReplayHost {
  readonly clock = new RecordedClock();
  readonly #o: ReplayHostOptions;
  readonly #waiting = new Map<string, () => void>();
  #db!: Level<string, string>;
  #host!: Host;
  /** What went wrong while nobody could be told. */
  #failure: Error | undefined;

  private constructor(options: ReplayHostOptions) {
    this.#o = options;
  }

  static async open(options: ReplayHostOptions): Promise<ReplayHost> {
    const host = new ReplayHost(options);
    await host.#start();
    return host;
  }

  /** Puts a record into the log and has it folded, and answers when all that it led to is held. @throws ReplayStuckError */
  async put(envelope: Envelope): Promise<void> {
    if (envelope.at > this.clock.at) this.clock.at = envelope.at;
    const raw = await this.#o.log.place(envelope);
    await this.#handled(envelope, () => this.#host.handle(PARTITION, raw));
  }

  /** The state of an actor; undefined when it has no record. */
  read(to: Address): Promise<ActorView | undefined> {
    return this.#host.read(to);
  }

  /** The whole state of an actor, with its hash. */
  state(to: Address) {
    return this.#host.state(to);
  }

  /** What an actor waits for. */
  timers(to: Address) {
    return this.#host.timers(to);
  }

  /** Folds an actor again from the log alone and compares; undefined when it has no record. */
  verify(to: Address) {
    return this.#host.verify(to);
  }

  /** Writes snapshots, and lets go of actors that are done with. */
  flush(): Promise<void> {
    return this.#host.flush();
  }

  /**
   * Ends as a crash would, and starts again on what is left: the log, and of the stores what was written. Answers when it is where
   * it was, with all asks that are open made again.
   */
  async crash(): Promise<void> {
    this.#host.abandon();
    await this.#db.close();
    await this.#start();
  }

  async close(): Promise<void> {
    this.#host.abandon();
    await this.#db.close();
  }

  async #start(): Promise<void> {
    const { dir, log, definitions, dispatcher, report = SILENT } = this.#o;
    const { bus, keys, bodies, appender, names } = log;
    this.#db = await openStore(dir);
    const index = new RecordIndex(this.#db);
    await index.open({ firstSeq: 1, lastSeq: log.head, created: "replay" });
    const store = new CellStore(this.#db, keys, () => PARTITION);
    await store.open();
    this.#host = new Host(
      {
        bus,
        keys,
        bodies,
        stream: names.logStream,
        appender,
        index,
        store,
        dispatcher,
        deadLetters: new DeadLetters(bus, keys, {
          stream: names.deadStream,
          subject: names.dead,
          log: names.logStream,
        }),
        definitions,
        checkpoints: false,
        clock: this.clock,
        // It would fail again.
        policy: { maxAttempts: 1, backoffMs: () => 0 },
        log: report,
        onSink: () => {},
        onRecord: () => {},
        onDone: ({ id }) => this.#done(id),
        onFailure: (error) => {
          this.#failure = error;
        },
      },
      { verifyEvery: 0 },
    );
    const { head } = log;
    const tenure = {
      epoch: EPOCH,
      head,
      careful: false as const,
      attempts: store,
      since: 0,
      holds: () => true,
    };
    const from = this.#host.own(PARTITION, tenure);
    // What the index has not written, it notes when it is read again.
    for (let seq = from; seq <= head; seq++) {
      const raw = await log.raw(seq);
      await this.#handled({ id: raw.header(HEADER_ID)! }, () => this.#host.handle(PARTITION, raw));
    }
    await this.#host.wake([PARTITION]);
  }

  async #handled(
    record: Pick<Envelope, "id"> & Partial<Envelope>,
    handle: () => Promise<void>,
  ): Promise<void> {
    let isDone = false;
    let resolve: (() => void) | undefined;
    this.#waiting.set(record.id, () => {
      isDone = true;
      resolve?.();
    });
    await handle();
    if (isDone) return;
    const { recordMs = RECORD_MS } = this.#o;
    await new Promise<void>((done, reject) => {
      const late = setTimeout(() => {
        const what = record.type && record.to ? named(record as Envelope) : record.id;
        const why = this.#failure ? `: ${this.#failure.message}` : "";
        reject(new ReplayStuckError(`record ${what} was not done with within ${recordMs} ms${why}`));
      }, recordMs);
      resolve = () => {
        clearTimeout(late);
        done();
      };
    });
  }

  #done(id: string): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.();
  }
}
