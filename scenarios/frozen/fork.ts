/**
 * A fork: a recording is played frozen up to a step, and from there on live. What the customer and people did later is still done,
 * each when the desk has come to rest; what is asked is answered from the recording where it is the same call, and else by skills
 * that are really called.
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
import type { FrozenStage } from "./frozen.ts";

export interface ForkOptions {
  /** Sequence in the recording from which on it is live. */
  readonly at: number;
  /** What the customer writes there instead: the record has to be a message of his. */
  readonly say?: string;
  /** Answers what the recording does not. */
  readonly live: (
    service: string,
    operation: string,
    input: JsonObject,
    key: string,
  ) => Promise<ServiceAnswer>;
}

export interface Forked {
  readonly recording: Recording;
  /** Calls that were answered by skills, and from the recording. */
  readonly live: number;
  readonly recorded: number;
}

/** Rounds of asking and answering after one message: a desk that goes on and on is stopped. */
const MOST_ROUNDS = 200;

export class ForkRun {
  readonly #recording: Recording;
  readonly #s: FrozenStage;
  readonly #o: ForkOptions;
  readonly #made: StoredRecord[] = [];
  /** Recorded answers by what was asked, those that were not used yet. */
  readonly #answers = new Map<string, { ok: boolean; value: Json }[]>();
  #live = 0;
  #recorded = 0;

  /** @param made what was played frozen before the fork, in the order of the log */
  constructor(recording: Recording, stage: FrozenStage, options: ForkOptions, made: readonly StoredRecord[]) {
    this.#recording = recording;
    this.#s = stage;
    this.#o = options;
    this.#made.push(...made);
    for (const record of recording.records) this.#learn(record);
  }

  async play(): Promise<Forked> {
    const { at, say } = this.#o;
    const { header, records } = this.#recording;
    await this.#settle();
    for (const record of records) {
      if (record.seq < at || this.#side(record) !== "input" || this.#s.log.has(record.id)) continue;
      await this.#timersUntil(record.at);
      const isChanged = record.seq === at && say !== undefined;
      await this.#put(isChanged ? { ...record, data: { ...record.data, text: say } } : record);
      await this.#settle();
    }
    const fork = {
      id: `${header.id}.fork`,
      source: `fork of ${header.id} at ${at}`,
      records: this.#made.length,
    };
    return {
      recording: { header: { ...header, ...fork }, records: this.#made },
      live: this.#live,
      recorded: this.#recorded,
    };
  }

  #side(record: Envelope) {
    return sideOf(record, this.#s.folded, this.#recording.header.conversation);
  }

  #learn(record: StoredRecord): void {
    if (this.#side(record) !== "answer" || this.#s.log.has(record.id)) return;
    const ask = this.#recording.records.find(({ id }) => id === record.clear.ask);
    const asked = askedIn(ask ?? record);
    if (!asked) return;
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
      for (const envelope of [...log.held.values()]) {
        if (envelope.to.key === this.#recording.header.conversation) await this.#put(envelope);
        // To whom it is said is not of this conversation.
        else log.held.delete(envelope.id);
      }
      const [call] = answers.open.values();
      if (call) await this.#answer(call);
      else if (log.held.size === 0) return;
    }
    throw new Error(`the desk did not come to rest: it asked ${MOST_ROUNDS} times`);
  }

  async #answer(call: OpenCall): Promise<void> {
    const { service, operation, input } = call;
    const known = this.#answers.get(callName(service, operation, input))?.shift();
    let answer: ServiceAnswer;
    if (known) {
      this.#recorded++;
      answer = (
        known.ok ? { ok: true, value: known.value } : { ok: false, error: known.value }
      ) as ServiceAnswer;
    } else {
      this.#live++;
      answer = await this.#o.live(service, operation, input, call.id);
    }
    const coming = this.#s.log.until(answerId(call.id));
    this.#s.answers.give(call, answer.ok, answer.ok ? answer.value : answer.error);
    const found = await coming;
    if (!found) throw new Error(`the answer of ${service}.${operation} never came to whoever asked`);
    await this.#put(found);
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
      const state = await this.#s.host.state(to);
      for (const { key, generation, deadline } of state?.machine.timers ?? [])
        found.push({ to, key, generation, deadline });
    }
    return found;
  }
}

function callName(service: string, operation: string, input: Json): string {
  return `${service}.${operation} ${canonicalJson(input)}`;
}
