/**
 * What memory is told, as events of a stream (architecture section 5). The clear part has generated ids, hashes, types and times;
 * all that was said is sealed under the data subject's key, bound to the event.
 *
 *     u32 length of the clear part | clear part, JSON | sealed: u32 length of the rest | rest, JSON | 32-bit floats of a vector
 *
 * Numbers are little endian. An event whose data subject was erased opens as none.
 */
import { z } from "zod";
import type { Json } from "../../runtime/json.ts";
import { type KeyRing, SealError, type Sealer } from "../../runtime/log/sealer.ts";
import { bytesOf, floatsOf, split, u32 } from "../store/bytes.ts";
import type { ExpiredFact, NewFact } from "../store/facts.ts";
import type { Turn } from "../store/sayings.ts";
import type { Summary } from "../store/summaries.ts";

/** Turns of one event, and the characters that are in them, but for a turn that has more by itself. */
const TURNS_OF_EVENT = 50;
const CHARACTERS_OF_EVENT = 128 * 1024;

interface Common {
  /** The same id again is the same event: it changes nothing. */
  readonly id: string;
  /** ms since the epoch, by the writer's clock. */
  readonly at: number;
}

export interface FactEvent extends Common {
  readonly type: "fact";
  readonly customer: string;
  readonly fact: Omit<NewFact, "id" | "customer" | "recordedAt" | "seq">;
}

export interface TurnsEvent extends Common {
  readonly type: "turns";
  readonly conversation: string;
  readonly customer?: string;
  readonly turns: readonly Omit<Turn, "conversation" | "customer" | "seq">[];
}

/** What a conversation that has ended was about; a later one replaces it. */
export interface SummaryEvent extends Common {
  readonly type: "summary";
  readonly conversation: string;
  readonly customer?: string;
  readonly summary: Pick<Summary, "text" | "outcome" | "by">;
}

/** A fact's time was over; it left the stream. */
export interface ExpiredEvent extends Common {
  readonly type: "expired";
  readonly customer: string;
  readonly fact: ExpiredFact;
}

/** What was said in a conversation is kept no longer; it left the stream. */
export interface DroppedEvent extends Common {
  readonly type: "dropped";
  readonly conversation: string;
}

/** The customer's key was destroyed; what is kept is to be deleted. */
export interface EraseEvent extends Common {
  readonly type: "erase";
  readonly customer: string;
  /** Whose keys went with the customer's. */
  readonly conversations?: readonly string[];
}

/** What is kept of the customer may not be erased. */
export interface HoldEvent extends Common {
  readonly type: "hold";
  readonly customer: string;
  readonly reason: string;
  /** When it ends by itself, ms since the epoch. */
  readonly until?: number;
}

export interface ReleaseEvent extends Common {
  readonly type: "release";
  readonly customer: string;
}

export type MemoryEvent =
  | FactEvent
  | TurnsEvent
  | SummaryEvent
  | ExpiredEvent
  | DroppedEvent
  | EraseEvent
  | HoldEvent
  | ReleaseEvent;

/** An event that is none: written by somebody else, or cut off. */
export class MemoryEventError extends Error {
  override readonly name = "MemoryEventError";
}

/** Whether trying again does not help: it is no event, or what it says was changed. */
export function isUnreadable(error: unknown): error is MemoryEventError | SealError {
  return error instanceof MemoryEventError || error instanceof SealError;
}

const VERSION = 1;

const token = z.string().min(1).max(128);
const time = z.number().int().min(0);
const common = { v: z.literal(VERSION), id: token, at: time };
const clearSchema = z.discriminatedUnion("type", [
  z.object({ ...common, type: z.literal("fact"), customer: token }),
  z.object({ ...common, type: z.literal("turns"), conversation: token, customer: token.optional() }),
  z.object({ ...common, type: z.literal("summary"), conversation: token, customer: token.optional() }),
  z.object({
    ...common,
    type: z.literal("expired"),
    customer: token,
    fact: z.object({
      id: token,
      type: token,
      scope: z.enum(["customer", "conversation", "workspace"]),
      conversation: token,
      validFrom: time,
      recordedAt: time,
      seq: time.optional(),
    }),
  }),
  z.object({ ...common, type: z.literal("dropped"), conversation: token }),
  z.object({
    ...common,
    type: z.literal("erase"),
    customer: token,
    conversations: z.array(token).optional(),
  }),
  z.object({ ...common, type: z.literal("hold"), customer: token, until: time.optional() }),
  z.object({ ...common, type: z.literal("release"), customer: token }),
]);
type Clear = z.output<typeof clearSchema>;

/** Of which a part is sealed. */
const SEALED: ReadonlySet<Clear["type"]> = new Set(["fact", "turns", "summary", "hold"]);

/** Which add to what is there, and touch nothing else. */
const ADDING: ReadonlySet<string> = new Set<Clear["type"]>(["fact", "turns", "summary"]);

/** What of an event is sealed, and the vector beside it. */
interface Secret {
  readonly rest: Json;
  readonly vector?: Float32Array;
}

type SaidTurn = TurnsEvent["turns"][number];

/** Turns that belong together, in pieces that fit into one event each. */
export function inPieces<T extends SaidTurn>(turns: readonly T[]): T[][] {
  const pieces: T[][] = [];
  let characters = 0;
  for (const turn of turns) {
    const own = turn.text.length + turn.reply.length;
    const last = pieces.at(-1);
    if (last && last.length < TURNS_OF_EVENT && characters + own <= CHARACTERS_OF_EVENT) {
      last.push(turn);
      characters += own;
    } else {
      pieces.push([turn]);
      characters = own;
    }
  }
  return pieces;
}

/** Under whose key an event is sealed: the customer's, once it is known who that is. */
function subjectOf(event: { readonly customer?: string; readonly conversation?: string }): string {
  return (event.customer ?? event.conversation)!;
}

/** Undefined when the data subject was erased; of erasing itself nothing is sealed. */
export async function encodeEvent(event: MemoryEvent, keys: KeyRing): Promise<Uint8Array | undefined> {
  const clear = Buffer.from(JSON.stringify(clearOf(event)));
  const secret = secretOf(event);
  if (!secret) return Buffer.concat([u32(clear.length), clear]);
  const sealer = await keys.sealer(subjectOf(event), { create: true });
  if (!sealer) return undefined;
  const rest = Buffer.from(JSON.stringify(secret.rest));
  const floats = secret.vector ? bytesOf(secret.vector) : new Uint8Array();
  const plain = Buffer.concat([u32(rest.length), rest, floats]);
  return Buffer.concat([u32(clear.length), clear, sealer.seal(plain, placeOf(event))]);
}

/** Whose an event is that adds to what is there. */
export interface Whose {
  readonly customer?: string;
  readonly conversation?: string;
}

/** From its clear part; undefined when it touches more than that, or is none. */
export function whoseIs(data: Uint8Array): Whose | undefined {
  try {
    const { type, customer, conversation } = json(parted(data)[0]) as Record<string, unknown>;
    if (!ADDING.has(String(type))) return undefined;
    const named = (word: unknown): string | undefined => (typeof word === "string" ? word : undefined);
    return { customer: named(customer), conversation: named(conversation) };
  } catch {
    return undefined;
  }
}

/** What an event adds to, for keeping those in order that add to the same; undefined when it touches more than that, or is none. */
export function placesOf(data: Uint8Array): readonly string[] | undefined {
  const whose = whoseIs(data);
  return whose && [whose.customer, whose.conversation].filter((each) => each !== undefined);
}

/**
 * Undefined when the data subject was erased.
 * @throws MemoryEventError when it is none, SealError when it was changed; BusError when the key can't be looked up
 */
export async function decodeEvent(data: Uint8Array, keys: KeyRing): Promise<MemoryEvent | undefined> {
  const [head, sealed] = parted(data);
  const parsed = clearSchema.safeParse(json(head));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new MemoryEventError(`${path.join(".") || "the event"}: ${message}`);
  }
  const { v: _, ...clear } = parsed.data;
  if (!SEALED.has(clear.type)) return clear as MemoryEvent;
  const subject = subjectOf(clear);
  const sealer = await keys.sealer(subject);
  if (sealer) return whole(clear, open(clear, sealed, sealer));
  if (await keys.isDestroyed(subject)) return undefined;
  throw new MemoryEventError(`the key of ${subject} is missing: bring the bucket of keys back from a backup`);
}

function whole(clear: Omit<Clear, "v">, { rest, vector }: Secret): MemoryEvent {
  const sealed = rest as any;
  // It was sealed by a node: what is inside is what `secretOf` wrote.
  if (clear.type === "fact") {
    const { model, ...fact } = sealed;
    const kept = vector && model ? { vector: { model, data: vector } } : {};
    return { ...clear, fact: { ...fact, ...kept } } as FactEvent;
  }
  return { ...clear, ...sealed } as TurnsEvent | SummaryEvent | HoldEvent;
}

function clearOf(event: MemoryEvent): object {
  const { id, at, type } = event;
  const head = { v: VERSION, id, at, type };
  if (event.type === "turns" || event.type === "summary")
    return { ...head, conversation: event.conversation, customer: event.customer };
  if (event.type === "dropped") return { ...head, conversation: event.conversation };
  if (event.type === "expired") return { ...head, customer: event.customer, fact: event.fact };
  if (event.type === "erase")
    return { ...head, customer: event.customer, conversations: event.conversations };
  if (event.type === "hold") return { ...head, customer: event.customer, until: event.until };
  return { ...head, customer: event.customer };
}

function secretOf(event: MemoryEvent): Secret | undefined {
  switch (event.type) {
    case "fact": {
      const { vector, ...fact } = event.fact;
      // A number that is none would poison every comparison with it.
      const sound = vector?.data.every(Number.isFinite);
      return sound
        ? { rest: { ...fact, model: vector!.model } as unknown as Json, vector: vector!.data }
        : { rest: fact as unknown as Json };
    }
    case "turns":
      return { rest: { turns: event.turns } as unknown as Json };
    case "summary":
      return { rest: { summary: event.summary } as unknown as Json };
    case "hold":
      return { rest: { reason: event.reason } };
    default:
      return undefined;
  }
}

function open(of: Pick<MemoryEvent, "id" | "type">, sealed: Buffer, sealer: Sealer): Secret {
  const [rest, floats] = parted(sealer.open(sealed, placeOf(of)));
  return { rest: json(rest) as Json, vector: floats.length > 0 ? floatsOf(floats) : undefined };
}

function placeOf({ id, type }: Pick<MemoryEvent, "id" | "type">): string {
  return `memory ${type} ${id}`;
}

function parted(bytes: Uint8Array): [Buffer, Buffer] {
  const parts = split(bytes);
  if (!parts) throw new MemoryEventError(`the event of ${bytes.length} bytes is cut off`);
  return parts;
}

function json(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new MemoryEventError("the event is no JSON");
  }
}
