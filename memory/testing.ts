/** For tests of this room: real keys without a bus. */
import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../runtime/clock.ts";
import { aesSealer, type KeyRing, type Sealer } from "../runtime/log/sealer.ts";

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
    throw new Error("no test of this room wraps keys");
  }

  async destroy(key: string): Promise<void> {
    this.#sealers.set(key, "destroyed");
  }

  keyedHash(purpose: string, value: string): string {
    const mac = createHmac("sha256", this.#lookup).update(`${purpose}\0${value}`).digest();
    return mac.subarray(0, 16).toString("base64url");
  }
}

/** A clock that is set by hand. */
export class HandClock implements Clock {
  constructor(public time: number) {}
  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time;
  }
}
