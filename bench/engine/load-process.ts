/** The process that the load comes from: a gateway of another machine, as far as the node can tell (`harness/remote.ts`). */
import type { BusMessage } from "../../runtime/bus/index.ts";
import { newId } from "../../runtime/ids.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { Appender } from "../../runtime/log/appender.ts";
import { Bodies } from "../../runtime/log/bodies.ts";
import { Latencies, openLoop, type Percentiles } from "../harness/index.ts";
import { serve } from "../harness/remote.ts";
import { messageOf } from "../support-turn.ts";
import {
  BENCH,
  conversation,
  DONE_SUBJECT,
  type Joined,
  join,
  PARTITIONS,
  type Place,
  SUBJECTS,
} from "./place.ts";

export interface Target {
  /** Which actors: `messages` or `turns`. */
  readonly kind: string;
  /** Numbers of the conversations that messages go to, in turn. */
  readonly numbers: readonly number[];
}

export interface Saturate extends Target {
  readonly seconds: number;
  /** Messages that are on their way at once: the next is sent when one is answered. */
  readonly window: number;
}

export interface Arrivals extends Target {
  readonly seconds: number;
  /** Messages a second, whether the ones before are answered or not. */
  readonly rate: number;
}

export interface Fill {
  readonly from: number;
  /** The first number that is not filled. */
  readonly to: number;
  /** Records of each conversation. */
  readonly records: number;
}

export interface LoadRound {
  readonly sent: number;
  readonly failed: number;
  readonly seconds: number;
  /** Of a message, ms: from when it was due until its reply was known to be in the log. */
  readonly latency: Percentiles | undefined;
  /** Longest time in which no message was answered, ms; where it was looked at. */
  readonly gapMs?: number;
}

export interface Rounds {
  readonly kind: string;
  readonly numbers: readonly number[];
  /** Messages of each conversation, one after the other. */
  readonly turns: number;
  /** Conversations at once. */
  readonly window: number;
}

/** A message that takes longer counts as failed, ms. */
const LONGEST_MS = 30_000;
/** Records of a fill that are on their way at once. */
const FILL_WINDOW = 512;

let joined: Joined | undefined;
let appender: Appender;
const waiting = new Map<string, () => void>();

async function joinArm(place: Place): Promise<void> {
  joined = await join(place, "bench-load");
  appender = new Appender(joined.bus, joined.keys, {
    bodies: new Bodies(joined.bus, SUBJECTS),
    subject: SUBJECTS.log,
    partitions: PARTITIONS,
  });
  joined.bus.subscribe(DONE_SUBJECT, answered);
  await joined.bus.flush();
}

function answered({ data }: BusMessage): void {
  for (const id of Buffer.from(data).toString("utf8").split("\n")) {
    const resolve = waiting.get(id);
    waiting.delete(id);
    resolve?.();
  }
}

function append(n: number, kind: string, type: string, id: string, extra: JsonObject = {}): Promise<unknown> {
  const data = { text: messageOf(n), ...extra };
  const to = conversation(n, kind);
  return appender.append({ id, type, from: BENCH, to, at: Date.now(), epoch: 0, clear: {}, data });
}

async function message(n: number, kind: string, extra?: JsonObject): Promise<void> {
  const id = newId();
  let timer: NodeJS.Timeout | undefined;
  const reply = new Promise<void>((resolve, reject) => {
    waiting.set(id, resolve);
    timer = setTimeout(() => reject(new Error("no reply")), LONGEST_MS);
  });
  try {
    await Promise.all([append(n, kind, "message", id, extra), reply]);
  } finally {
    clearTimeout(timer);
    waiting.delete(id);
  }
}

async function saturate({ kind, numbers, seconds, window }: Saturate): Promise<LoadRound> {
  const latencies = new Latencies();
  let next = 0;
  let failed = 0;
  const from = performance.now();
  let last = from;
  let gapMs = 0;
  const end = from + seconds * 1_000;
  const user = async (): Promise<void> => {
    while (performance.now() < end) {
      const due = performance.now();
      try {
        await message(numbers[next++ % numbers.length]!, kind);
        const now = performance.now();
        latencies.record(now - due);
        gapMs = Math.max(gapMs, now - last);
        last = now;
      } catch {
        failed++;
      }
    }
  };
  await Promise.all(Array.from({ length: window }, user));
  const took = (performance.now() - from) / 1_000;
  return { sent: next, failed, seconds: took, latency: latencies.percentiles(), gapMs };
}

/** Answers how many messages were sent. */
async function rounds({ kind, numbers, turns, window }: Rounds): Promise<number> {
  const left = [...numbers];
  const worker = async (): Promise<void> => {
    for (let n = left.shift(); n !== undefined; n = left.shift())
      for (let turn = 0; turn < turns; turn++) await message(n, kind);
  };
  await Promise.all(Array.from({ length: window }, worker));
  return numbers.length * turns;
}

async function arrivals({ kind, numbers, seconds, rate }: Arrivals): Promise<LoadRound> {
  const result = await openLoop({ rate, seconds }, (n) => message(numbers[n % numbers.length]!, kind));
  const { done, failed } = result;
  return { sent: done + failed, failed, seconds: result.seconds, latency: result.latencies.percentiles() };
}

/** Ms until one message is answered; with `crash`, its actor crashes over it once. */
async function once({ n, crash = false }: { n: number; crash?: boolean }): Promise<number> {
  const from = performance.now();
  await message(n, "messages", crash ? { crash } : {});
  return performance.now() - from;
}

/** Makes conversations known: keys, and records that are folded and not answered. Nothing is written but by the log. */
async function fill({ from, to, records }: Fill): Promise<number> {
  const startedAt = performance.now();
  let next = from;
  const worker = async (): Promise<void> => {
    for (let n = next++; n < to; n = next++) {
      for (let i = 0; i < records; i++) await append(n, "messages", "known", newId());
    }
  };
  await Promise.all(Array.from({ length: FILL_WINDOW }, worker));
  return (performance.now() - startedAt) / 1_000;
}

const leave = async (): Promise<void> => {
  await joined?.leave();
  joined = undefined;
};

serve({ join: joinArm, leave, saturate, rounds, arrivals, once, fill }, leave);
