/** Keys of a log that is played again: what is in it was read from a file, and nobody's data is kept by them. */
import { createHmac, hkdfSync } from "node:crypto";
import { aesSealer, KEY_BYTES, type KeyRing, SealError, type Sealer } from "../log/sealer.ts";

/** Keys that follow from a secret: a process that takes over from one that was killed has the same. */
export function keysFrom(secret: Uint8Array): KeyRing {
  return ringOf(secret, (key) =>
    aesSealer(new Uint8Array(hkdfSync("sha256", secret, "", `bailiwick/replay ${key}`, KEY_BYTES))),
  );
}

/** Keys that seal nothing. */
export function openKeys(secret: Uint8Array): KeyRing {
  return ringOf(secret, () => OPEN);
}

function ringOf(secret: Uint8Array, make: (key: string) => Sealer): KeyRing {
  const sealers = new Map<string, Sealer>();
  const cached = (key: string): Sealer => {
    let sealer = sealers.get(key);
    if (!sealer) {
      sealer = make(key);
      sealers.set(key, sealer);
    }
    return sealer;
  };
  return {
    cached,
    sealer: async (key) => cached(key),
    wrapUnder: async () => {},
    destroy: (key) => Promise.reject(new Error(`the key of ${key} is only in a replay: nothing to erase`)),
    isDestroyed: async () => false,
    under: async () => [],
    keyedHash: (purpose, value) => keyed(secret, `${purpose}\0${value}`),
  };
}

/** Bytes in front of a text: no two that were sealed are the same, as with a nonce. */
const COUNTER_BYTES = 6;
let sealed = 0;

const OPEN: Sealer = {
  seal(plain) {
    const bytes = Buffer.allocUnsafe(COUNTER_BYTES + plain.length);
    bytes.writeUIntBE(++sealed, 0, COUNTER_BYTES);
    bytes.set(plain, COUNTER_BYTES);
    return bytes;
  },
  open(bytes) {
    if (bytes.length < COUNTER_BYTES) throw new SealError(`sealed data of ${bytes.length} bytes is cut off`);
    return Buffer.from(bytes.subarray(COUNTER_BYTES));
  },
  name: (plain) => keyed("name", plain),
};

function keyed(secret: Uint8Array | string, value: Uint8Array | string): string {
  return createHmac("sha256", secret).update(value).digest().subarray(0, 16).toString("base64url");
}
