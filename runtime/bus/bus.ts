/** The bus as the rest of the engine sees it. `connection.ts` makes one over `nats`. */
export interface BusMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply?: string;
  /** Value of a header, without regard to case. */
  header(name: string): string | undefined;
  respond(data: Uint8Array, headers?: Readonly<Record<string, string>>): void;
}

export interface PublishOptions {
  readonly reply?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RequestOptions {
  /** Default 2,000 ms. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface BusSubscription {
  unsubscribe(): void;
}

export type BusStatus = "connected" | "disconnected" | "closed";

export interface Bus {
  /** Version of the server connected to, e.g. `2.9.10`. */
  readonly serverVersion: string;
  readonly status: BusStatus;
  /** Largest payload the server takes, bytes. */
  readonly maxPayload: number;
  publish(subject: string, data: Uint8Array, options?: PublishOptions): void;
  /**
   * Request and reply over one inbox subscription of our own.
   * @throws BusTimeoutError, NoRespondersError, BusClosedError
   */
  request(subject: string, data: Uint8Array, options?: RequestOptions): Promise<BusMessage>;
  subscribe(
    subject: string,
    handler: (message: BusMessage) => void,
    options?: { queue?: string },
  ): BusSubscription;
  /** A fresh subject for replies, to subscribe to. */
  inbox(): string;
  /** A key-value bucket, made when missing. */
  kv(bucket: string, options?: KvOptions): Promise<Kv>;
  onStatus(listener: (status: BusStatus) => void): () => void;
  flush(): Promise<void>;
  /** Finishes what is under way, then closes. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface KvOptions {
  /** Time to live of a value in ms; none by default. */
  readonly ttlMs?: number;
  /** Copies kept in a cluster; 1 by default. */
  readonly replicas?: number;
  /** How long one attempt of a read or a write may take, ms; three are made. Default 2,000. */
  readonly attemptMs?: number;
}

export interface KvEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: number;
}

/** What a watcher of a bucket is told. What it throws is an error of the connection's. */
export interface KvWatcher {
  /**
   * All entries that there are, by revision: at first, and again whenever something may have been missed. It replaces all
   * that was told before. A copy that lags behind the others may list what was so a moment ago.
   */
  onAll(entries: readonly KvEntry[]): void;
  /** An entry was written; its revision is above all that were told since the last list. A purge is not told. */
  onEntry(entry: KvEntry): void;
  /** Told of each time it had to start again, with the reason. */
  onRestart?(reason: string): void;
}

export interface KvWatchOptions {
  /** The server is heard of this often, and given up on after two and a half times as long, ms. 100 or more, default 1,000. */
  readonly heartbeatMs?: number;
}

export interface KvWatch {
  stop(): void;
}

/** A bucket without history: one value a key; deletion purges. Keys allow `-/_=.a-zA-Z0-9`. */
export interface Kv {
  get(key: string): Promise<KvEntry | undefined>;
  put(key: string, value: Uint8Array): Promise<number>;
  /** Only when the key does not exist. @throws KvConflictError */
  create(key: string, value: Uint8Array): Promise<number>;
  /** Only when the revision is the last one. @throws KvConflictError */
  update(key: string, value: Uint8Array, revision: number): Promise<number>;
  /** Deletes with all that was before. */
  purge(key: string): Promise<void>;
  /** Deletes the value of a revision, if it is there still. In the server's files it may stay readable: for what is no secret. */
  remove(revision: number): Promise<void>;
  keys(prefix?: string): Promise<string[]>;
  /** Tells of every write in the order of the bucket, for as long as it is not stopped: it starts again by itself. */
  watch(watcher: KvWatcher, options?: KvWatchOptions): KvWatch;
}
