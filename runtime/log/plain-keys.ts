/** A ring without keys: nothing is sealed. For what is played again in memory, and to see what sealing costs; never for a desk's data. */
import { createHash, randomBytes } from "node:crypto";
import type { KeyRing, Sealer } from "./sealer.ts";

/** The appender tells what it wrote by its sealed text, which therefore has to differ each time. */
const MARK_BYTES = 12;

export function plainKeys(): KeyRing {
  let n = 0;
  const process = randomBytes(4);
  const sealer: Sealer = {
    seal: (plain) => {
      const mark = Buffer.alloc(MARK_BYTES);
      process.copy(mark);
      mark.writeUIntBE(++n, 4, 6);
      return Buffer.concat([mark, plain]);
    },
    open: (sealed) => Buffer.from(sealed.buffer, sealed.byteOffset + MARK_BYTES, sealed.length - MARK_BYTES),
    name: (plain) => createHash("sha256").update(plain).digest("base64url"),
  };
  return {
    cached: () => sealer,
    sealer: async () => sealer,
    wrapUnder: async () => {},
    destroy: async () => {},
    isDestroyed: async () => false,
    under: async () => [],
    keyedHash: (purpose, value) => `${purpose}-${value}`,
  };
}
