/**
 * Data keys of a workspace (invariant L12). Each data subject has an AES-256 key of its own, wrapped by the workspace key
 * or by another subject's, in a bucket that all nodes share. Destroying a key makes all that was sealed under it, and
 * under the keys that it wraps, unreadable for ever.
 */
import { createHmac, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { type Bus, type BusSubscription, subjectsOf } from "../bus/index.ts";
import { newId } from "../ids.ts";
import { type KeyEntry, KeyStore, type LiveKey } from "./key-store.ts";
import { aesSealer, KEY_BYTES, type KeyRing, SealError, type Sealer } from "./sealer.ts";
import {
  createWorkspaceKey,
  deriveWorkspaceKeys,
  deriveWrapKey,
  readWorkspaceKey,
  WORKSPACE_KEY_FILE,
  WorkspaceKeyError,
  type WorkspaceKeys,
} from "./workspace-key.ts";

export interface KeyRingOptions {
  readonly bus: Bus;
  readonly workspace: string;
  /** Holds `workspace.key`. */
  readonly dataDir: string;
  /** Keys kept in memory. Default 20,000. */
  readonly cacheSize?: number;
  /**
   * A key is used no longer than this without looking again, ms. Default 60,000; from half of it on it is refreshed. One that
   * nobody uses leaves memory within another quarter of it.
   */
  readonly maxAgeMs?: number;
  /** Copies of the bucket in a cluster. Default 1. */
  readonly replicas?: number;
}

/** The key ring of a workspace. */
export function openKeyRing(options: KeyRingOptions): Promise<WorkspaceKeyRing> {
  return WorkspaceKeyRing.open(options);
}

/** A key that was asked for does not exist, was destroyed, or cannot be wrapped as wanted. */
export class KeyRingError extends Error {
  override readonly name = "KeyRingError";
}

const HEADER_ORIGIN = "Bw-Origin";
/** There where a key is not only wrapped anew. */
export const HEADER_DESTROYED = "Bw-Destroyed";
/** Conversation under customer under workspace is two; more than this is a mistake. */
const MAX_DEPTH = 8;
const MAX_TRIES = 20;

interface Held {
  readonly sealer: Sealer;
  readonly secret: Buffer;
  /** Subjects that this key is wrapped under, nearest first. */
  readonly ancestors: readonly string[];
  readonly readAt: number;
}

export class WorkspaceKeyRing implements KeyRing {
  readonly #bus: Bus;
  readonly #store: KeyStore;
  readonly #keys: WorkspaceKeys;
  readonly #dropSubject: string;
  readonly #subscription: BusSubscription;
  readonly #cache: LRUCache<string, Held>;
  readonly #maxAge: number;
  readonly #sweeper: NodeJS.Timeout;
  /** Cached keys that are wrapped under a key, by that key: they go when it goes. */
  readonly #under = new Map<string, Set<string>>();
  readonly #fetching = new Map<string, Promise<Held | undefined>>();
  readonly #refreshing = new Set<string>();
  /** Keys dropped while something is fetched or wrapped: what was read before a drop is not kept after it. */
  #dropped: string[] = [];
  #wrapping = 0;
  /** Marks what this ring announces itself. */
  readonly #origin = randomBytes(8).toString("hex");

  /** @throws WorkspaceKeyError when `workspace.key` is missing, damaged or another one than the data was sealed with. */
  static async open(options: KeyRingOptions): Promise<WorkspaceKeyRing> {
    const { bus, workspace, dataDir } = options;
    const subjects = subjectsOf(workspace);
    const kv = await bus.kv(subjects.keysBucket, { replicas: options.replicas });
    const store = new KeyStore(kv);
    let key = readWorkspaceKey(dataDir);
    if (!key) {
      if (await store.hasKeys()) {
        throw new WorkspaceKeyError(
          `${WORKSPACE_KEY_FILE} is missing in ${dataDir}, but workspace ${workspace} holds data sealed with it: ` +
            "copy it from a backup or from another node; without it that data cannot be read",
        );
      }
      key = createWorkspaceKey(dataDir);
    }
    const keys = deriveWorkspaceKeys(key, workspace);
    key.fill(0);
    if ((await store.check(keys.fingerprint)) !== keys.fingerprint) {
      throw new WorkspaceKeyError(
        `${WORKSPACE_KEY_FILE} in ${dataDir} is not the one that workspace ${workspace} was sealed with: ` +
          "put back the right one from a backup or from another node",
      );
    }
    await store.finishPending();
    const ring = new WorkspaceKeyRing(options, store, keys, subjects.keysDrop);
    await bus.flush();
    return ring;
  }

  private constructor(options: KeyRingOptions, store: KeyStore, keys: WorkspaceKeys, dropSubject: string) {
    this.#bus = options.bus;
    this.#store = store;
    this.#keys = keys;
    this.#dropSubject = dropSubject;
    this.#maxAge = options.maxAgeMs ?? 60_000;
    this.#cache = new LRUCache({
      max: options.cacheSize ?? 20_000,
      dispose: (held, key) => this.#forgetPlace(key, held),
    });
    // A key that may not be used any more has no business in memory.
    this.#sweeper = setInterval(() => this.#sweep(), this.#maxAge / 4).unref();
    this.#subscription = options.bus.subscribe(dropSubject, (message) => {
      if (message.header(HEADER_ORIGIN) === this.#origin) return;
      this.#drop(Buffer.from(message.data).toString("utf8"));
    });
  }

  cached(key: string): Sealer | undefined {
    const held = this.#cache.get(key);
    if (!held) return undefined;
    const age = performance.now() - held.readAt;
    if (age >= this.#maxAge) {
      this.#cache.delete(key);
      return undefined;
    }
    if (age >= this.#maxAge / 2) this.#refresh(key);
    return held.sealer;
  }

  async sealer(key: string, options: { create?: boolean } = {}): Promise<Sealer | undefined> {
    return this.cached(key) ?? (await this.#fetch(key, options.create ?? false))?.sealer;
  }

  async wrapUnder(key: string, parent: string): Promise<void> {
    this.#wrapping++;
    try {
      await this.#wrapUnder(key, parent);
    } finally {
      this.#wrapping--;
      this.#forgetDropped();
    }
  }

  async #wrapUnder(key: string, parent: string): Promise<void> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const from = this.#dropped.length;
      const entry = await this.#store.entry(key);
      if (entry?.key.state !== "live")
        throw new KeyRingError(`key of ${key} does not exist or was destroyed`);
      if (entry.key.parent === parent) return;
      const [held, above] = [await this.#open(key, entry.key, 0, true), await this.#read(parent, 0, true)];
      if (!held || !above)
        throw new KeyRingError(`key of ${held ? parent : key} does not exist or was destroyed`);
      if (parent === key || above.ancestors.includes(key)) {
        throw new KeyRingError(`key of ${key} cannot be wrapped under ${parent}, which it wraps itself`);
      }
      if (above.ancestors.length + 1 >= MAX_DEPTH) {
        throw new KeyRingError(`key of ${key} would be wrapped more than ${MAX_DEPTH} deep`);
      }
      const old = entry.key.material;
      const material = newId();
      const forgetPending = await this.#store.notePending(key, material, old);
      await this.#store.addMaterial(material, this.#wrap(key, held.secret, parent, above.secret));
      if (!(await this.#store.write(key, { state: "live", material, parent }, entry.revision))) {
        // The note stays: whoever wrote it anew meanwhile may have ended before erasing the old one.
        await this.#store.erase(material);
        continue;
      }
      this.#announce(key);
      // The key is the same, whatever wraps it: who is in the middle of a conversation need not read it again.
      const ancestors = [parent, ...above.ancestors];
      const gone = this.#dropped.slice(from).some((dropped) => ancestors.includes(dropped));
      if (!gone) this.#keep(key, { ...held, ancestors });
      await this.#store.erase(old);
      await forgetPending();
      return;
    }
    throw new KeyRingError(`key of ${key} was changed ${MAX_TRIES} times while it was wrapped`);
  }

  async destroy(key: string): Promise<void> {
    this.#drop(key);
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const entry = await this.#store.entry(key);
      if (entry?.key.state === "live") await this.#store.notePending(key, entry.key.material);
      const done =
        entry?.key.state === "destroyed" ||
        (await this.#store.write(key, { state: "destroyed", at: Date.now() }, entry?.revision ?? 0));
      if (!done) continue;
      this.#announce(key, true);
      // With it what somebody who wrapped it anew did not come to erase, or to put into force.
      await this.#store.finishPending(key);
      return;
    }
    throw new KeyRingError(`key of ${key} was changed ${MAX_TRIES} times while it was destroyed`);
  }

  async isDestroyed(key: string): Promise<boolean> {
    const found = (await this.#store.entry(key))?.key;
    if (found?.state !== "live") return found !== undefined;
    return found.parent !== undefined && this.isDestroyed(found.parent);
  }

  under(key: string): Promise<string[]> {
    return this.#store.under(key);
  }

  /** Of a bucket that was just restored: erases wrapped keys that are not in force any more. Answers how many. */
  eraseOrphans(): Promise<number> {
    return this.#store.eraseOrphans();
  }

  /** Tells the workspace key from others without giving it away. */
  get fingerprint(): string {
    return this.#keys.fingerprint;
  }

  /** Seals what belongs into an archive of the whole workspace. */
  archiveSealer(): Sealer {
    return aesSealer(this.#keys.archive);
  }

  keyedHash(purpose: string, value: string): string {
    const mac = createHmac("sha256", this.#keys.lookup).update(`${purpose}\0${value}`).digest();
    return mac.subarray(0, 16).toString("base64url");
  }

  /** Keys in memory. */
  get held(): number {
    return this.#cache.size;
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#subscription.unsubscribe();
    this.#cache.clear();
  }

  /** One fetch at a time for a key, however many wait for it. */
  #fetch(key: string, create: boolean): Promise<Held | undefined> {
    const name = `${create ? "+" : ""}${key}`;
    let fetching = this.#fetching.get(name);
    if (!fetching) {
      fetching = this.#load(key, create).finally(() => {
        this.#fetching.delete(name);
        this.#forgetDropped();
      });
      this.#fetching.set(name, fetching);
    }
    return fetching;
  }

  async #load(key: string, create: boolean): Promise<Held | undefined> {
    for (;;) {
      const from = this.#dropped.length;
      const entry = await this.#store.entry(key);
      const held = entry ? await this.#ofEntry(key, entry, 0) : create ? await this.#create(key) : undefined;
      const since = this.#dropped.slice(from);
      if (since.some((dropped) => dropped === key || held?.ancestors.includes(dropped))) continue;
      if (held) this.#keep(key, held);
      else this.#cache.delete(key);
      return held;
    }
  }

  async #read(key: string, depth: number, held = false): Promise<Held | undefined> {
    const entry = await this.#store.entry(key);
    return entry && this.#ofEntry(key, entry, depth, held);
  }

  async #ofEntry(key: string, { key: found }: KeyEntry, depth: number, held = false) {
    return found.state === "live" ? this.#open(key, found, depth, held) : undefined;
  }

  /**
   * @param held a key that is at hand is taken as it is: it stays the same for as long as it lives, whatever wraps it. What is to be
   * used for longer is unwrapped again each time, so that material that is lost is missed before all who know it are gone.
   */
  async #open(key: string, live: LiveKey, depth: number, held = false): Promise<Held | undefined> {
    if (depth >= MAX_DEPTH) throw new KeyRingError(`key of ${key} is wrapped more than ${MAX_DEPTH} deep`);
    const readAt = performance.now();
    const above = live.parent === undefined ? undefined : await this.#read(live.parent, depth + 1, held);
    // A destroyed parent takes its children with it.
    if (live.parent !== undefined && !above) return undefined;
    const ancestors = live.parent === undefined || !above ? [] : [live.parent, ...above.ancestors];
    const known = held ? this.#cache.get(key) : undefined;
    if (known) return { ...known, ancestors, readAt };
    const wrapped = await this.#store.material(live.material);
    if (!wrapped) {
      // Wrapped anew or destroyed between the two reads; if not, it is lost.
      const now = await this.#store.entry(key);
      if (now?.key.state !== "live") return undefined;
      if (now.key.material !== live.material) return this.#open(key, now.key, depth + 1);
      throw new KeyRingError(
        `the material of key ${key} is missing in the bucket: restore the bucket from a backup`,
      );
    }
    const sealer = aesSealer(above ? deriveWrapKey(above.secret) : this.#keys.wrap);
    let secret: Buffer;
    try {
      secret = sealer.open(wrapped, wrapPlace(key, live.parent));
    } catch (error) {
      throw new SealError(`the wrapped key of ${key} was changed`, { cause: error });
    }
    return { sealer: aesSealer(secret), secret: alone(secret), ancestors, readAt };
  }

  /** Of a key that is not there; undefined when somebody else made it meanwhile, and it was destroyed. */
  async #create(key: string): Promise<Held | undefined> {
    const readAt = performance.now();
    const secret = randomBytes(KEY_BYTES);
    const material = newId();
    // Until its entry is there nobody has used it: what a crash leaves of it opens nothing.
    await this.#store.addMaterial(material, this.#wrap(key, secret, undefined, undefined));
    if (await this.#store.write(key, { state: "live", material }, 0)) {
      return { sealer: aesSealer(secret), secret: alone(secret), ancestors: [], readAt };
    }
    await this.#store.erase(material);
    return this.#read(key, 0);
  }

  #wrap(key: string, secret: Buffer, parent: string | undefined, parentSecret: Buffer | undefined): Buffer {
    const sealer = aesSealer(parentSecret ? deriveWrapKey(parentSecret) : this.#keys.wrap);
    return sealer.seal(secret, wrapPlace(key, parent));
  }

  /** Looks again before a key in use gets too old, so that a busy conversation never waits for it. */
  #refresh(key: string): void {
    if (this.#refreshing.has(key)) return;
    this.#refreshing.add(key);
    void this.#fetch(key, false)
      // It stays usable until it is too old; then whoever needs it sees the error.
      .catch(() => {})
      .finally(() => this.#refreshing.delete(key));
  }

  #announce(key: string, destroyed = false): void {
    this.#drop(key);
    const headers = { [HEADER_ORIGIN]: this.#origin, ...(destroyed ? { [HEADER_DESTROYED]: "1" } : {}) };
    this.#bus.publish(this.#dropSubject, Buffer.from(key), { headers });
  }

  #forgetDropped(): void {
    if (this.#fetching.size === 0 && this.#wrapping === 0) this.#dropped = [];
  }

  #drop(key: string): void {
    if (this.#fetching.size > 0 || this.#wrapping > 0) this.#dropped.push(key);
    this.#cache.delete(key);
    for (const other of [...(this.#under.get(key) ?? [])]) this.#cache.delete(other);
  }

  #keep(key: string, held: Held): void {
    // What it replaces is taken out of its place first.
    this.#cache.delete(key);
    this.#cache.set(key, held);
    for (const ancestor of held.ancestors) {
      const keys = this.#under.get(ancestor);
      if (keys) keys.add(key);
      else this.#under.set(ancestor, new Set([key]));
    }
  }

  #sweep(): void {
    const oldest = performance.now() - this.#maxAge;
    for (const [key, { readAt }] of [...this.#cache.entries()]) if (readAt < oldest) this.#cache.delete(key);
  }

  #forgetPlace(key: string, { ancestors }: Held): void {
    for (const ancestor of ancestors) {
      const keys = this.#under.get(ancestor);
      if (keys?.delete(key) && keys.size === 0) this.#under.delete(ancestor);
    }
  }
}

function wrapPlace(key: string, parent: string | undefined): string {
  return `key/${key}/${parent === undefined ? "workspace" : `under/${parent}`}`;
}

/** A copy with memory of its own: a part of one of Node's pooled buffers keeps all 8 KiB of it for as long as the key is kept. */
function alone(secret: Buffer): Buffer {
  const copy = Buffer.alloc(secret.length);
  secret.copy(copy);
  return copy;
}
