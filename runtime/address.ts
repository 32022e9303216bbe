/**
 * Addresses of actors: `<kind>/<key>/<id>`.
 *
 * The partition is a hash of the *key*, so a conversation, its tasks and its hand-offs (which share the
 * conversation's id as key) live on one node. The key also names the data subject whose key seals the records.
 */
import { createHash } from "node:crypto";

export interface Address {
  /** What it is: `conversation`, `task`, `handoff`, `customer`, `channel` … */
  readonly kind: string;
  /** Decides the partition and the data key. */
  readonly key: string;
  /** Unique within kind and key. */
  readonly id: string;
}

/** Tokens travel in NATS subjects and KV keys, so they may hold no dot, blank, `*` or `>`. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

export class AddressError extends Error {
  override readonly name = "AddressError";
}

export function address(kind: string, key: string, id: string = key): Address {
  for (const [what, value] of [
    ["kind", kind],
    ["key", key],
    ["id", id],
  ] as const) {
    if (!TOKEN.test(value)) {
      throw new AddressError(
        `address ${what} ${JSON.stringify(value)} is not valid: use 1 to 128 letters, digits, "_" or "-"`,
      );
    }
  }
  return { kind, key, id };
}

export function formatAddress(a: Address): string {
  return `${a.kind}/${a.key}/${a.id}`;
}

export function parseAddress(text: string): Address {
  const parts = text.split("/");
  if (parts.length !== 3) throw new AddressError(`address ${JSON.stringify(text)} is not <kind>/<key>/<id>`);
  return address(parts[0]!, parts[1]!, parts[2]!);
}

/** Partition of a key, 0 … partitions-1. Stable for ever: it is part of the stored data. */
export function partitionOf(key: string, partitions: number): number {
  return createHash("sha256").update(key).digest().readUInt32BE(0) % partitions;
}
