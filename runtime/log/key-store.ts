/**
 * How data keys lie in the bucket.
 *
 * - `key.<subject>`: which material is in force and what wraps it, or that the key was destroyed. No secret in it, so it
 *   can be compared and replaced; once there it is never removed, so a destroyed key cannot come to life again.
 * - `material.<id>`: a wrapped key, written once and erased on disk when it is out of force. A value that is replaced
 *   would stay readable in the server's files until they are compacted; an old wrapping would outlive its destruction.
 * - `pending.<subject>.<id>`: material that is about to go out of force, or to come into force, then with the id of what it replaces:
 *   noted before that happens, so that a crash leaves no wrapping that nobody erases.
 * - `check`: fingerprint of the workspace key that all of it was wrapped under.
 */
import { BusTimeoutError, type Kv, KvConflictError, type KvEntry } from "../bus/index.ts";

export interface LiveKey {
  readonly state: "live";
  readonly material: string;
  /** Subject whose key wraps this one; the workspace key when absent. */
  readonly parent?: string;
}

export interface DestroyedKey {
  readonly state: "destroyed";
  /** Wall clock, ms. */
  readonly at: number;
}

export interface KeyEntry {
  readonly key: LiveKey | DestroyedKey;
  readonly revision: number;
}

/** How long the whole bucket may take to be listed, ms. */
const LIST_MS = 120_000;

export class KeyStore {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  async entry(subject: string): Promise<KeyEntry | undefined> {
    const found = await this.#kv.get(`key.${subject}`);
    if (!found) return undefined;
    return { key: JSON.parse(Buffer.from(found.value).toString("utf8")), revision: found.revision };
  }

  /** Whether it was written; false when somebody else wrote since `revision` (0: none there). */
  async write(subject: string, key: LiveKey | DestroyedKey, revision: number): Promise<boolean> {
    const value = Buffer.from(JSON.stringify(key));
    try {
      if (revision === 0) await this.#kv.create(`key.${subject}`, value);
      else await this.#kv.update(`key.${subject}`, value, revision);
      return true;
    } catch (error) {
      if (error instanceof KvConflictError) return false;
      throw error;
    }
  }

  async addMaterial(id: string, wrapped: Uint8Array): Promise<void> {
    await this.#kv.create(`material.${id}`, wrapped);
  }

  async material(id: string): Promise<Uint8Array | undefined> {
    return (await this.#kv.get(`material.${id}`))?.value;
  }

  async erase(id: string): Promise<void> {
    await this.#kv.purge(`material.${id}`);
  }

  /**
   * @param id of what is to be erased with its key, or is to come into force
   * @param replaces what then goes out of force
   * @returns what to call once the one of them that is not in force is erased
   */
  async notePending(subject: string, id: string, replaces = ""): Promise<() => Promise<void>> {
    try {
      const revision = await this.#kv.create(`pending.${subject}.${id}`, Buffer.from(replaces));
      // No secret is in it.
      return () => this.#kv.remove(revision);
    } catch (error) {
      if (!(error instanceof KvConflictError)) throw error;
      // A crash has left it, and it may say more.
      return async () => {};
    }
  }

  /** Erases what a crash left to erase. @param subject of this one alone */
  async finishPending(subject?: string): Promise<void> {
    for (const name of await this.#kv.keys(subject === undefined ? "pending." : `pending.${subject}.`)) {
      const [, of, id] = name.split(".");
      const noted = await this.#kv.get(name);
      if (!of || !id || !noted) continue;
      const replaces = Buffer.from(noted.value).toString("utf8");
      if (await this.#eraseUnused(of, replaces === "" ? [id] : [id, replaces])) await this.#kv.purge(name);
    }
  }

  /** Erases what of it is not in force; false where all of it is. */
  async #eraseUnused(subject: string, ids: readonly string[]): Promise<boolean> {
    for (;;) {
      const entry = await this.entry(subject);
      const live = entry?.key.state === "live" ? entry.key : undefined;
      const unused = ids.filter((id) => id !== live?.material);
      if (unused.length === 0) return false;
      // Whoever is about to put one of them into force finds the entry written, and takes it back.
      if (live && !(await this.write(subject, live, entry!.revision))) continue;
      for (const id of unused) await this.erase(id);
      return true;
    }
  }

  /** Subjects whose keys are wrapped under a subject's, directly or by another one, as far as they are not destroyed. */
  async under(subject: string): Promise<string[]> {
    const wrapped = new Map<string, string[]>();
    for (const { key, value } of await this.#all()) {
      if (!key.startsWith("key.")) continue;
      const { parent } = JSON.parse(Buffer.from(value).toString("utf8")) as Partial<LiveKey>;
      if (parent === undefined) continue;
      const siblings = wrapped.get(parent);
      if (siblings) siblings.push(key.slice("key.".length));
      else wrapped.set(parent, [key.slice("key.".length)]);
    }
    const found = [subject];
    for (const each of found) found.push(...(wrapped.get(each) ?? []));
    return found.slice(1);
  }

  /**
   * Erases material that no key is in force with, and answers how many there was. What was copied while keys were destroyed may
   * have such; where keys are in use it would take what is about to come into force.
   */
  async eraseOrphans(): Promise<number> {
    const all = await this.#all();
    const used = new Set<string>();
    for (const { key, value } of all) {
      if (!key.startsWith("key.")) continue;
      const { material } = JSON.parse(Buffer.from(value).toString("utf8")) as Partial<LiveKey>;
      if (material !== undefined) used.add(material);
    }
    const orphans = all
      .map(({ key }) => key.split("."))
      .filter(([what, id]) => what === "material" && !used.has(id!));
    for (const [, id] of orphans) await this.erase(id!);
    return orphans.length;
  }

  /** All entries of the bucket. @throws BusTimeoutError */
  #all(): Promise<readonly KvEntry[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        watch.stop();
        reject(new BusTimeoutError("the bucket of keys", LIST_MS));
      }, LIST_MS);
      const watch = this.#kv.watch({
        onAll: (entries) => {
          clearTimeout(timer);
          watch.stop();
          resolve(entries);
        },
        onEntry: () => {},
      });
    });
  }

  async hasKeys(): Promise<boolean> {
    return (await this.#kv.get("check")) !== undefined || (await this.#kv.keys("key.")).length > 0;
  }

  /** Notes the fingerprint of the workspace key, or answers the one that was noted before. */
  async check(fingerprint: string): Promise<string> {
    try {
      await this.#kv.create("check", Buffer.from(fingerprint));
      return fingerprint;
    } catch (error) {
      if (!(error instanceof KvConflictError)) throw error;
    }
    const noted = await this.#kv.get("check");
    return noted ? Buffer.from(noted.value).toString("utf8") : this.check(fingerprint);
  }
}
