/** Identifiers. Derived ids (uuid v5) make a repeated fold produce the same records, so that repetition is harmless. */
import { hash } from "node:crypto";
import { parse, v7 } from "uuid";

/** Namespace of all derived ids. Part of the stored data: never change it. */
const NAMESPACE = parse("8f0e6a52-3d0b-5a5c-9d0f-6b61696c6977");

/** A fresh, time-ordered id. Only at the edge, where something enters from outside. */
export function newId(): string {
  return v7();
}

/** The namespace, and after it the name whose id is made: a buffer of its own for each would cost more than the hash. */
const hashed = Buffer.alloc(2_048);
hashed.set(NAMESPACE);
/** No UTF-16 unit takes more bytes. */
const MOST_BYTES = 3;

/** The id that follows from its parts, for ever the same: `derivedId(record.id, "outbox", 3)`. */
export function derivedId(...parts: readonly (string | number)[]): string {
  const name = parts.join("\u0000");
  const { length } = NAMESPACE;
  const h =
    name.length * MOST_BYTES <= hashed.length - length
      ? hash("sha1", hashed.subarray(0, length + hashed.write(name, length)))
      : hash("sha1", Buffer.concat([NAMESPACE, Buffer.from(name)]));
  const variant = ((Number.parseInt(h[16]!, 16) & 3) | 8).toString(16);
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-5${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20, 32)}`;
}
