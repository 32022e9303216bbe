/** JetStream's API as far as the log needs it: streams, reading by sequence, deleting. One workspace, one log stream. */
import type { Bus, BusMessage } from "../bus/bus.ts";

export class JetStreamError extends Error {
  override readonly name = "JetStreamError";
  constructor(
    message: string,
    readonly code: number,
    readonly errCode: number,
  ) {
    super(message);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One request to `$JS.API.<operation>`; answers its JSON. @throws JetStreamError */
export async function jetStreamApi(
  bus: Bus,
  operation: string,
  request: object | undefined,
  timeoutMs = 5_000,
): Promise<any> {
  const body = request === undefined ? new Uint8Array() : encoder.encode(JSON.stringify(request));
  const reply = await bus.request(`$JS.API.${operation}`, body, { timeoutMs });
  const answer = JSON.parse(decoder.decode(reply.data));
  if (answer.error) {
    const { description, code, err_code } = answer.error;
    throw new JetStreamError(`${operation}: ${description}`, code, err_code ?? 0);
  }
  return answer;
}

export interface StreamOptions {
  readonly replicas?: number;
  /** How long JetStream itself remembers ids, ms; the index remembers for ever. Default 2 min. */
  readonly duplicateWindowMs?: number;
  /** Default: the server's limit. */
  readonly maxRecordBytes?: number;
  /** Total size at which appends are refused; -1, the default, is no limit but the disk. */
  readonly maxBytes?: number;
  /** Messages kept of one subject, the last ones; -1, the default, is all. */
  readonly perSubject?: number;
}

/** JetStream has a stream of this name. */
export const STREAM_EXISTS = 10058;
const NO_MESSAGE = 10037;
/** One message is at hand, or its server is not. */
const GET_MS = 5_000;
/** A purge rewrites a file of the store at most, and what looks at all of a stream does no more. */
const PURGE_MS = 30_000;

/** Makes the stream when it is missing. Never changes one that is there. */
export async function ensureStream(
  bus: Bus,
  name: string,
  subjects: string[],
  options: StreamOptions = {},
): Promise<void> {
  const config = {
    name,
    subjects,
    retention: "limits",
    storage: "file",
    discard: "new",
    max_bytes: options.maxBytes ?? -1,
    max_msgs_per_subject: options.perSubject ?? -1,
    num_replicas: options.replicas ?? 1,
    duplicate_window: (options.duplicateWindowMs ?? 120_000) * 1e6,
    max_msg_size: options.maxRecordBytes ?? -1,
    allow_direct: true,
    allow_rollup_hdrs: false,
  };
  try {
    await jetStreamApi(bus, `STREAM.CREATE.${name}`, config);
  } catch (error) {
    if (!(error instanceof JetStreamError && error.errCode === STREAM_EXISTS)) throw error;
  }
}

export interface StreamState {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly messages: number;
  readonly bytes: number;
  /** When the stream was made, as the server says it: tells a log from another of the same name. */
  readonly created: string;
}

export async function streamState(bus: Bus, name: string): Promise<StreamState> {
  const { state, created } = await jetStreamApi(bus, `STREAM.INFO.${name}`, undefined);
  const { first_seq: firstSeq, last_seq: lastSeq, messages, bytes } = state;
  return { firstSeq, lastSeq, messages, bytes, created };
}

/** A message as a stream keeps it. */
export interface StreamMessage {
  readonly seq: number;
  readonly data: Uint8Array;
  /** When the server took it, Unix ms. */
  readonly takenAt: number;
  /** Value of a header that it was published with, without regard to case. */
  header(name: string): string | undefined;
}

/** One message by its sequence; undefined when it is no longer there. @throws BusError, JetStreamError */
export function messageAt(bus: Bus, stream: string, seq: number): Promise<StreamMessage | undefined> {
  return kept(bus, stream, "", { seq });
}

/** The message at a sequence, or the next one after it; undefined when there is none. @throws BusError, JetStreamError */
export function messageFrom(bus: Bus, stream: string, seq: number): Promise<StreamMessage | undefined> {
  return kept(bus, stream, "", { seq, next_by_subj: ">" });
}

/** The last message of a subject; undefined when there is none. @throws BusError, JetStreamError */
export function lastOf(bus: Bus, stream: string, subject: string): Promise<StreamMessage | undefined> {
  return kept(bus, stream, `.${subject}`, { last_by_subj: subject });
}

/**
 * Any copy of the stream answers a direct get, also one that lags behind: that it has no such message says nothing, and the
 * stream's leader is asked. What is not there costs two requests, therefore.
 */
async function kept(
  bus: Bus,
  stream: string,
  subject: string,
  query: object,
): Promise<StreamMessage | undefined> {
  const asked = subject === "" ? encoder.encode(JSON.stringify(query)) : new Uint8Array();
  const reply = await bus.request(`$JS.API.DIRECT.GET.${stream}${subject}`, asked, { timeoutMs: GET_MS });
  if (reply.header("Status") === undefined)
    return {
      seq: Number(reply.header("Nats-Sequence")),
      data: reply.data,
      takenAt: Date.parse(reply.header("Nats-Time-Stamp") ?? ""),
      header: (name) => reply.header(name),
    };
  try {
    const { message } = await jetStreamApi(bus, `STREAM.MSG.GET.${stream}`, query, GET_MS);
    return {
      seq: message.seq,
      data: Buffer.from(message.data ?? "", "base64"),
      takenAt: Date.parse(message.time),
      header: headersOf(message.hdrs),
    };
  } catch (error) {
    if (error instanceof JetStreamError && error.errCode === NO_MESSAGE) return undefined;
    throw error;
  }
}

/** Sequence of a message that was published to a stream, from the server's answer. @throws JetStreamError when it was not kept */
export function acknowledged({ subject, data }: BusMessage): { seq: number; duplicate: boolean } {
  const { error, seq, duplicate } = JSON.parse(decoder.decode(data));
  if (error) throw new JetStreamError(`${subject}: ${error.description}`, error.code, error.err_code ?? 0);
  return { seq, duplicate: duplicate === true };
}

/** Of a header block as it goes over the wire, in base64: a line of its version, then `Name: value`. */
function headersOf(block: string | undefined): StreamMessage["header"] {
  const values = new Map<string, string>();
  for (const line of Buffer.from(block ?? "", "base64")
    .toString("utf8")
    .split("\r\n")
    .slice(1)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (colon > 0 && !values.has(name)) values.set(name, line.slice(colon + 1).trim());
  }
  return (name) => values.get(name.toLowerCase());
}

/** Subjects below a filter of which a stream has messages. */
export async function subjectsIn(bus: Bus, stream: string, filter: string): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const request = { subjects_filter: filter, offset: found.length };
    const { state, total } = await jetStreamApi(bus, `STREAM.INFO.${stream}`, request, PURGE_MS);
    const part = Object.keys(state.subjects ?? {});
    found.push(...part);
    // The server tells a hundred thousand at once, and how many there are.
    if (part.length === 0 || found.length >= (total ?? 0)) return found;
  }
}

/** Removes every message below a sequence. That one stays, and so does what comes after it. */
export async function purge(bus: Bus, stream: string, below: number): Promise<void> {
  await jetStreamApi(bus, `STREAM.PURGE.${stream}`, { seq: below }, PURGE_MS);
}

/**
 * Sequence of the last message of a subject, 0 when there is none. Asked of the stream's leader: a copy that lags behind might
 * not have it yet.
 */
export async function lastSeqOf(bus: Bus, stream: string, subject: string): Promise<number> {
  try {
    const { message } = await jetStreamApi(bus, `STREAM.MSG.GET.${stream}`, { last_by_subj: subject });
    return message.seq;
  } catch (error) {
    if (error instanceof JetStreamError && error.errCode === NO_MESSAGE) return 0;
    throw error;
  }
}

export async function deleteMessage(bus: Bus, stream: string, seq: number): Promise<void> {
  await jetStreamApi(bus, `STREAM.MSG.DELETE.${stream}`, { seq, no_erase: false });
}
