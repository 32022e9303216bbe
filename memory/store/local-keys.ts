/** Keys that live no longer than the process, for a memory that is thrown away: evaluations and tests. */
import { createHmac, randomBytes } from "node:crypto";
import { aesSealer, type KeyRing, type Sealer } from "../../runtime/log/sealer.ts";

/** Keys in memory; a destroyed one never comes back. */
export class LocalKeyRing implements KeyRing {
  readonly #sealers = new Map<string, Sealer | "destroyed">();
  readonly #lookup = randomBytes(32);

  cached(key: string): Sealer | undefined {
    const held = this.#sealers.get(key);
    return held === "destroyed" ? undefined : held;
  }

  async sealer(key: string, { create = false } = {}): Promise<Sealer | undefined> {
    if (create && !this.#sealers.has(key)) this.#sealers.set(key, aesSealer(randomBytes(32)));
    return this.cached(key);
  }

  async wrapUnder(): Promise<void> {
    throw new Error("keys of a memory that is thrown away are not wrapped");
  }

  async destroy(key: string): Promise<void> {
    this.#sealers.set(key, "destroyed");
  }

  async isDestroyed(key: string): Promise<boolean> {
    return this.#sealers.get(key) === "destroyed";
  }

  async under(): Promise<string[]> {
    return [];
  }

  keyedHash(purpose: string, value: string): string {
    const mac = createHmac("sha256", this.#lookup).update(`${purpose}\0${value}`).digest();
    return mac.subarray(0, 16).toString("base64url");
  }
}
