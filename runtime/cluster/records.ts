/** What the buckets hold, as JSON. Part of the agreement between nodes of different releases: only ever add members. */
import type { JsonObject } from "../json.ts";

/** `live` and `draining` sessions are renewed; `left` and `lapsed` ones have ended for good. */
export type SessionState = "live" | "draining" | "left" | "lapsed";

/** Members bucket, `node.<name>`: the one session that a node of this name has. */
export interface SessionRecord {
  /** Of the session: another one each time that a node joins. */
  readonly id: string;
  readonly state: SessionState;
  readonly ttlMs: number;
  /** What the process of the node holds alone; a session under the same one can only be its predecessor. */
  readonly holder: string;
  /** Wall clock, ms, for people. */
  readonly since: number;
  /** What the node tells of itself, such as the address of its gateway. */
  readonly info: JsonObject;
}

/** Leases bucket, `partition.<number>`. Its revision is the epoch. */
export interface LeaseRecord {
  readonly node: string;
  /** Session of the node. */
  readonly session: string;
  /** Revision in the members bucket under which the session began. */
  readonly at: number;
  /** Wall clock, ms, for people. */
  readonly since: number;
  /** Released: whoever it belongs to may take it. */
  readonly free?: boolean;
}

const NODE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const STATES: readonly string[] = ["live", "draining", "left", "lapsed"];

/** Key of a node's session. @throws RangeError for what can't be the name of a node. */
export function nodeKey(node: string): string {
  if (!NODE.test(node) || node.length > 128) {
    throw new RangeError(
      `${JSON.stringify(node)} can't name a node: use 1 to 128 letters, digits, "_", "-", and "." between them`,
    );
  }
  return `node.${node}`;
}

export function nodeOfKey(key: string): string | undefined {
  return key.startsWith("node.") ? key.slice("node.".length) : undefined;
}

export function partitionKey(partition: number): string {
  return `partition.${partition}`;
}

export function partitionOfKey(key: string): number | undefined {
  const number = /^partition\.(\d+)$/.exec(key)?.[1];
  return number === undefined ? undefined : Number(number);
}

export function encode(record: SessionRecord | LeaseRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

/** Undefined for what can't be read. */
export function decodeSession(value: Uint8Array): SessionRecord | undefined {
  const record = parse(value) as SessionRecord | undefined;
  const whole =
    typeof record?.id === "string" && STATES.includes(record.state) && record.ttlMs > 0 && "info" in record;
  return whole ? record : undefined;
}

/** Undefined for what can't be read. */
export function decodeLease(value: Uint8Array): LeaseRecord | undefined {
  const record = parse(value) as LeaseRecord | undefined;
  const whole =
    typeof record?.node === "string" && typeof record.session === "string" && typeof record.at === "number";
  return whole ? record : undefined;
}

export function hasEnded(state: SessionState): boolean {
  return state === "left" || state === "lapsed";
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString("utf8")) ?? undefined;
  } catch {
    return undefined;
  }
}
