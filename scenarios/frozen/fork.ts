/**
 * A fork: a recording is played frozen up to a step, and from there on live. What the customer and people did later is still done,
 * each when the desk has come to rest; what is asked is answered from the recording where it is the same call, and else by skills
 * that are really called, or always by them (`isLive`).
 */
import { formatAddress } from "../../runtime/address.ts";
import type { Envelope, StoredRecord } from "../../runtime/envelope.ts";
import { askedIn } from "../../runtime/host/calls.ts";
import { TIMER } from "../../runtime/host/cell.ts";
import { HOST } from "../../runtime/host/host-options.ts";
import { answerId } from "../../runtime/host/outbox.ts";
import type { ServiceAnswer } from "../../runtime/host/service-host.ts";
import { derivedId } from "../../runtime/ids.ts";
import { canonicalJson, type Json, type JsonObject } from "../../runtime/json.ts";
import { actorsOf, sideOf } from "../recording/boundary.ts";
import type { Recording } from "../recording/recording.ts";
import type { OpenCall } from "./answers.ts";
import { type FrozenStage, leaveStage, stateHashOf } from "./frozen.ts";

export interface ForkOptions {
  /** Sequence in the recording from which on it is live. */
  readonly at: number;
  /** What the record there says instead: members of its data, undefined for those that it does not have. */
  readonly instead?: Readonly<Record<string, Json | undefined>>;
  /** Answers what the recording does not. */
  readonly live: (call: LiveCall) => Promise<ServiceAnswer>;
  /** Services of which the recording answers nothing. Default none. */
  readonly isLive?: (service: string) => boolean;
  /** `tolerant`: a recorded answer is also for what is asked with something else. Default `strict`. */
  readonly match?: "strict" | "tolerant";
}

/** A call that is really made. */
export interface LiveCall extends Pick<OpenCall, "service" | "operation" | "input" | "key"> {
  /** Time of the conversation, ms since the epoch. */
  readonly at: number;
}

export interface Forked {
  readonly recording: Recording;
  /** Calls that were answered by skills, and from the recording. */
  readonly live: number;
  readonly recorded: number;
  /** Calls whose answers the recording has and nobody asked for, `<service>.<operation>` each. */
  readonly unused: readonly string[];
  /** Over the states of all actors at the end. */
  readonly stateHash: string;
}

/** Records after one message: a desk that goes on and on is stopped. */
const MOST_ROUNDS = 1_000;

export class ForkRun {
  readonly #recording: Recording;
  readonly #s: FrozenStage;
  readonly #o: ForkOptions;
  /** Records of the recording by id. */
  readonly #known: ReadonlyMap<string, StoredRecord>;
  readonly #made: StoredRecord[] = [];
  /** Recorded answers by what was asked, those that were not used yet. */
  readonly #answers = new Map<string, { ok: boolean; value: Json }[]>();
  /** What comes from outside next. */
  #next: StoredRecord | undefined;
  #live = 0;
  #recorded = 0;

  /** @param made what was played frozen before the fork, in the order of the log */
  constructor(recording: Recording, stage: FrozenStage, options: ForkOptions, made: readonly StoredRecord[]) {
    this.#recording = recording;
    this.#s = stage;
    this.#o = options;
    this.#known = new Map(recording.records.map((record) => [record.id, record]));
    this.#made.push(...made);
    for (const record of recording.records) this.#learn(record);
  }

  async play(): Promise<Forked> {
    const { at, instead } = this.#o;
    const { header, records } = this.#recording;
    const inputs = records.filter(
      (record) => record.seq >= at && this.#side(record) === "input" && !this.#s.log.has(record.id),
    );
    this.#next = inputs[0];
    await this.#settle();
    for (const [i, record] of inputs.entries()) {
      await this.#timersUntil(record.at);
      this.#next = inputs[i + 1];
      await this.#put(record.seq === at ? { ...record, data: changed(record.data, instead) } : record);
      await this.#settle();
    }
    await this.#timersUntil(records.at(-1)?.at ?? 0);
    const stateHash = await stateHashOf(this.#s.host, actorsOf(this.#made, this.#s.folded));
    leaveStage(this.#s);
    const fork = {
      id: `${header.id}.fork`,
      source: `fork of ${header.id} at ${at}`,
      records: this.#made.length,
    };
    return {
      recording: { header: { ...header, ...fork }, records: this.#made },
      live: this.#live,
      recorded: this.#recorded,
      unused: [...this.#answers].flatMap(([name, left]) => left.map(() => name.slice(0, name.indexOf(" ")))),
      stateHash,
    };
  }

  #side(record: Envelope) {
    return sideOf(record, this.#s.folded, this.#recording.header.conversation);
  }

  #learn(record: StoredRecord): void {
    if (this.#side(record) !== "answer" || this.#s.log.has(record.id)) return;
    const ask = this.#known.get(String(record.clear.ask));
    const asked = askedIn(ask ?? record);
    if (!asked || this.#o.isLive?.(asked.service)) return;
    const name = callName(asked.service, asked.operation, (ask ?? record).data.input ?? {});
    const known = this.#answers.get(name) ?? [];
    known.push({ ok: record.clear.ok === true, value: record.data.value ?? null });
    this.#answers.set(name, known);
  }

  async #put(envelope: Envelope): Promise<void> {
    const at = Math.max(this.#s.host.clock.at, envelope.at);
    const placed = { ...envelope, at };
    this.#made.push({ ...placed, seq: this.#made.length + 1 });
    await this.#s.host.put(placed);
  }

  /** Until nothing is left to put and nothing asked. */
  async #settle(): Promise<void> {
    const { log, answers } = this.#s;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const [envelope] = log.held.values();
      if (envelope) {
        if (envelope.to.key === this.#recording.header.conversation)
          await this.#put({ ...envelope, at: this.#reached(this.#known.get(envelope.id)) });
        // To whom it is said is not of this conversation.
        else log.held.delete(envelope.id);
        continue;
      }
      const call = this.#firstOf([...answers.open.values()]);
      if (!call) return;
      await this.#answer(call);
    }
    throw new Error(`the desk did not come to rest: ${MOST_ROUNDS} records after one message`);
  }

  /**
   * What was asked at once is answered in the order in which it was, and when it was; what the recording does not have goes first.
   * Undefined where nothing is asked, or what comes from outside next came before these very answers.
   */
  #firstOf(calls: readonly OpenCall[]): OpenCall | undefined {
    const was = (call: OpenCall): StoredRecord | undefined => this.#known.get(answerId(call.id));
    const placeOf = (call: OpenCall): number => was(call)?.seq ?? 0;
    const [first] = [...calls].sort((a, b) => placeOf(a) - placeOf(b));
    if (!first || (this.#next && placeOf(first) > this.#next.seq)) return undefined;
    this.#reached(was(first));
    return first;
  }

  /** Moves the clock on to when this was in the recording, or to what comes from outside next. @returns what it shows */
  #reached(was: StoredRecord | undefined): number {
    const { clock } = this.#s.host;
    if (was) clock.at = Math.max(clock.at, Math.min(was.at, this.#next?.at ?? Number.POSITIVE_INFINITY));
    return clock.at;
  }

  async #answer(call: OpenCall): Promise<void> {
    const { service, operation, input, key } = call;
    const known = this.#knownOf(service, operation, input);
    let answer: ServiceAnswer;
    if (known) {
      this.#recorded++;
      answer = (
        known.ok ? { ok: true, value: known.value } : { ok: false, error: known.value }
      ) as ServiceAnswer;
    } else {
      this.#live++;
      answer = await this.#o.live({ service, operation, input, key, at: this.#s.host.clock.at });
    }
    const coming = this.#s.log.until(answerId(call.id));
    this.#s.answers.give(call, answer.ok, answer.ok ? answer.value : answer.error);
    const found = await coming;
    if (!found) throw new Error(`the answer of ${service}.${operation} never came to whoever asked`);
    await this.#put(found);
  }

  #knownOf(service: string, operation: string, input: Json): { ok: boolean; value: Json } | undefined {
    const known = this.#answers.get(callName(service, operation, input))?.shift();
    if (known || this.#o.match !== "tolerant") return known;
    const operations = `${service}.${operation} `;
    for (const [name, left] of this.#answers)
      if (name.startsWith(operations) && left.length > 0) return left.shift();
    return undefined;
  }

  /** Lets the timers fire that are due before something else happens. */
  async #timersUntil(at: number): Promise<void> {
    for (let fired = 0; fired < MOST_ROUNDS; fired++) {
      const next = (await this.#pending()).filter(({ deadline }) => deadline <= at);
      const [first] = next.sort((a, b) => a.deadline - b.deadline);
      if (!first) return;
      const { to, key, generation, deadline } = first;
      await this.#put({
        id: derivedId(formatAddress(to), "timer", key, generation),
        type: TIMER,
        from: HOST,
        to,
        at: deadline,
        epoch: 0,
        clear: { timer: key, generation },
        data: {},
      });
      await this.#settle();
    }
  }

  async #pending() {
    const found = [];
    for (const to of actorsOf(this.#made, this.#s.folded)) {
      for (const { key, generation, deadline } of await this.#s.host.timers(to))
        found.push({ to, key, generation, deadline });
    }
    return found;
  }
}

function callName(service: string, operation: string, input: Json): string {
  return `${service}.${operation} ${canonicalJson(input)}`;
}

function changed(data: JsonObject, instead: ForkOptions["instead"] = {}): JsonObject {
  const members = Object.entries({ ...data, ...instead }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(members) as JsonObject;
}
