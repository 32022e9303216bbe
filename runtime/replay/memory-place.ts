/** A log that lies in memory, with what a host needs of a bus beside it: to read a record again, and to keep a dead letter. */
import type { Bus, BusMessage, RequestOptions } from "../bus/bus.ts";
import { NoRespondersError } from "../bus/errors.ts";
import type { Subjects } from "../bus/subjects.ts";
import { CHECKPOINT } from "../log/checkpoint.ts";
import type { EncodedRecord } from "../log/codec.ts";
import type { OpenedRecord } from "../log/reader.ts";
import type { LogPlace, NewPlaced, PlacedRecord } from "./place.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** JetStream's number for a message that is not there. */
const NO_MESSAGE = 10037;
/** A recording was read from a file: no server limits what is in it. */
const MAX_PAYLOAD = 64 * 1024 * 1024;

export function memoryPlace(names: Pick<Subjects, "logStream" | "dead">): LogPlace {
  const records: PlacedRecord[] = [];
  const at = (seq: number): PlacedRecord | undefined => records[seq - 1];
  return {
    bus: memoryBus(names, at),
    get head() {
      return records.length;
    },
    append: (record) => {
      const placed = new MemoryRecord(records.length + 1, record);
      records.push(placed);
      return placed;
    },
    at: (seq) => at(seq)!,
  };
}

/** Bytes only for who reads it again. */
class MemoryRecord implements PlacedRecord {
  readonly seq: number;
  readonly subject: string;
  readonly takenAt: number;
  readonly #record: OpenedRecord;
  readonly #encode: NewPlaced["encode"];
  #encoded: EncodedRecord | undefined;

  constructor(seq: number, { subject, envelope, plain, encode }: NewPlaced) {
    this.seq = seq;
    this.subject = subject;
    this.takenAt = envelope.at;
    // A copy, as it is read from bytes: who made it may go on with what he handed over.
    const { data: _, ...rest } = envelope;
    this.#record = { envelope: { ...rest, clear: JSON.parse(JSON.stringify(rest.clear)) }, plain };
    this.#encode = encode;
  }

  /** But for a checkpoint, which says in its headers what it covers. */
  get opened(): OpenedRecord | undefined {
    return this.#record.envelope.type === CHECKPOINT ? undefined : this.#record;
  }

  get data(): Uint8Array {
    return this.#bytes.payload;
  }

  get headers(): PlacedRecord["headers"] {
    return this.#bytes.headers;
  }

  get #bytes(): EncodedRecord {
    const { envelope, plain } = this.#record;
    this.#encoded ??= this.#encode({ ...envelope, data: JSON.parse(plain) });
    return this.#encoded;
  }
}

/** Answers direct reads of the log and takes dead letters; nobody listens to anything else. */
function memoryBus(
  { logStream: stream, dead }: Pick<Subjects, "logStream" | "dead">,
  at: (seq: number) => PlacedRecord | undefined,
): Bus {
  let letters = 0;
  const request = async (
    subject: string,
    data: Uint8Array,
    _options?: RequestOptions,
  ): Promise<BusMessage> => {
    if (subject === dead) {
      return message(subject, encoder.encode(JSON.stringify({ stream: dead, seq: ++letters })));
    }
    if (subject === `$JS.API.DIRECT.GET.${stream}`) {
      const found = at(JSON.parse(decoder.decode(data)).seq);
      if (!found) return message(subject, new Uint8Array(), { Status: "404" });
      const { seq, takenAt, headers, data: bytes } = found;
      const named = { "Nats-Sequence": String(seq), "Nats-Time-Stamp": new Date(takenAt).toISOString() };
      return message(subject, bytes, { ...headers, ...named });
    }
    if (subject === `$JS.API.STREAM.MSG.GET.${stream}`) {
      const error = { code: 404, err_code: NO_MESSAGE, description: "no message found" };
      return message(subject, encoder.encode(JSON.stringify({ error })));
    }
    throw new NoRespondersError(subject);
  };
  return {
    serverVersion: "memory",
    status: "connected",
    maxPayload: MAX_PAYLOAD,
    request,
    publish: () => {},
    subscribe: () => ({ unsubscribe: () => {} }),
    inbox: () => "inbox",
    kv: (bucket) => Promise.reject(new NoRespondersError(bucket)),
    onStatus: () => () => {},
    flush: async () => {},
    drain: async () => {},
    close: async () => {},
  };
}

function message(
  subject: string,
  data: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): BusMessage {
  const values = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { subject, data, header: (name) => values.get(name.toLowerCase()), respond: () => {} };
}
