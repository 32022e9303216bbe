/**
 * Frozen replay: a recording is played again through the same host and machines, with everything from outside taken from it. What
 * the desk says and asks has to be what it said and asked, one after the other.
 *
 * The records go into the log in the recorded order, each when its turn comes: what came from outside as it was, what the desk's
 * actors made as they make it now. What they make that the recording does not have at all has no turn, and goes in at once where
 * it stays inside of the desk.
 *
 * Or in another order that they could have had (`reorder`): every actor folds the same, and so the same has to come of it.
 */
import { type Address, formatAddress } from "../../runtime/address.ts";
import type { Envelope, StoredRecord } from "../../runtime/envelope.ts";
import { askedIn } from "../../runtime/host/calls.ts";
import type { CellState } from "../../runtime/host/cell-store.ts";
import { ASK, answerId } from "../../runtime/host/outbox.ts";
import { canonicalJson, hashJson } from "../../runtime/json.ts";
import { type HeldLog, type ReplayHost, ReplayStuckError } from "../../runtime/replay/index.ts";
import { actorsOf, inWords, leaves, sameContent, sideOf, transcriptHash } from "../recording/boundary.ts";
import type { Recording } from "../recording/recording.ts";
import type { RecordedAnswers } from "./answers.ts";
import { reordered } from "./order.ts";
import { Diverged, type FrozenDivergence, type FrozenOptions, type FrozenResult } from "./result.ts";

/** What it takes to play recordings, one after the other. */
export interface FrozenStage {
  readonly log: HeldLog;
  readonly host: ReplayHost;
  readonly answers: RecordedAnswers;
  /** Kinds of actors that are folded. */
  readonly folded: ReadonlySet<string>;
}

/** Told of each record that an actor has folded, with the actor's state after it. */
export type OnStep = (record: Envelope, state: CellState) => void;

export async function playFrozen(
  recording: Recording,
  stage: FrozenStage,
  options: FrozenOptions = {},
  onStep?: OnStep,
): Promise<FrozenResult> {
  return new FrozenRun(recording, stage, options, onStep).play();
}

class FrozenRun {
  readonly #recording: Recording;
  /** In the order in which they are put into the log. */
  readonly #records: readonly StoredRecord[];
  readonly #s: FrozenStage;
  readonly #o: FrozenOptions;
  readonly #onStep: OnStep | undefined;
  /** Records of the recording by id. */
  readonly #known: ReadonlyMap<string, StoredRecord>;
  /** What was put into the log, of what crosses the boundary, with its place in the recording. */
  readonly #played: { readonly seq: number; readonly envelope: Envelope }[] = [];
  /** All that was put into the log, where it is kept. */
  readonly #kept: StoredRecord[] = [];
  #put = 0;
  #crashes = 0;

  constructor(recording: Recording, stage: FrozenStage, options: FrozenOptions, onStep?: OnStep) {
    this.#onStep = onStep;
    this.#recording = recording;
    this.#s = stage;
    this.#o = options;
    const { records, header } = recording;
    this.#records =
      options.reorder === undefined ? records : reordered(records, `${options.reorder} ${header.id}`);
    this.#known = new Map(recording.records.map((record) => [record.id, record]));
  }

  async play(): Promise<FrozenResult> {
    const begun = performance.now();
    const { records, header } = this.#recording;
    this.#s.host.clock.at = 0;
    let divergence: FrozenDivergence | undefined;
    let instead: Envelope | undefined;
    let failed = false;
    try {
      for (const record of this.#records) {
        if (record.seq >= (this.#o.until ?? Number.POSITIVE_INFINITY)) break;
        // From before a process was killed: the log has it already.
        if (this.#s.log.has(record.id)) this.#note(record, record.seq);
        else await this.#step(record);
      }
      if (this.#o.until === undefined) this.#nothingIsLeft();
      if (this.#o.verify) await this.#verify();
    } catch (error) {
      if (error instanceof Diverged) ({ divergence, instead } = error);
      else if (error instanceof ReplayStuckError) divergence = { what: error.message };
      else throw error;
      failed = !(error instanceof Diverged);
    }
    const stateHash = failed ? "" : await stateHashOf(this.#s.host, this.#actors());
    if (instead && this.#o.keep) this.#keep(instead);
    if (this.#o.until === undefined) leaveStage(this.#s);
    const said = this.#played.sort((a, b) => a.seq - b.seq).map(({ envelope }) => envelope);
    const calls = callsOf(said);
    const expected = records.filter((r) => this.#side(r) === "desk" && leaves(r)).length;
    const came = said.filter((r) => this.#side(r) === "desk" && leaves(r)).length;
    return {
      id: header.id,
      status: failed ? "failed" : divergence ? "diverged" : "passed",
      messages: said.filter(({ type }) => type === "customer.message" || type === "reply").length,
      turns: said.filter(({ type }) => type === "customer.message").length,
      skillCalls: calls.size + calls.repeated,
      transcriptHash: transcriptHash(said),
      stateHash,
      ...(divergence ? { divergence } : {}),
      lostMessages: Math.max(0, expected - came),
      // What failed is tried again under its key, then as now.
      duplicatedSkillCalls: Math.max(0, calls.repeated - callsOf(records).repeated),
      crashes: this.#crashes,
      durationMs: performance.now() - begun,
      ...(this.#o.keep ? { recording: this.#recordingOf() } : {}),
    };
  }

  #keep(envelope: Envelope): void {
    this.#kept.push({ ...envelope, seq: this.#kept.length + 1 });
  }

  #recordingOf(): Recording {
    const { header } = this.#recording;
    const source = `replay of ${header.id}`;
    return { header: { ...header, source, records: this.#kept.length }, records: this.#kept };
  }

  #side(record: Envelope) {
    return sideOf(record, this.#s.folded, this.#recording.header.conversation);
  }

  async #step(record: StoredRecord): Promise<void> {
    switch (this.#side(record)) {
      case "own":
        return;
      case "desk":
        return this.#deskDoes(record);
      case "answer":
        return this.#answered(record);
      case "timer":
        return this.#timerFires(record);
      default:
        this.#nothingElseCame(record);
        return this.#place(record, record.seq);
    }
  }

  /** What an actor made, when it was made. */
  async #deskDoes(record: StoredRecord): Promise<void> {
    const { held } = this.#s.log;
    const found = held.get(record.id) ?? (leaves(record) ? this.#twin(record) : undefined);
    if (found) {
      const counts = leaves(record) || this.#o.verify;
      if (counts && !sameContent(found, record) && !this.#isTolerated(found, record))
        throw this.#diverged(record, found);
      return this.#place({ ...found, at: record.at, ...machineOf(record) }, record.seq);
    }
    // What stays inside may be another thing in another release.
    if (leaves(record) || this.#o.verify) throw this.#diverged(record, this.#unforeseen());
  }

  /** The same call with something else. */
  #isTolerated(found: Envelope, record: StoredRecord): boolean {
    if (this.#o.match !== "tolerant" || record.type !== ASK) return false;
    const operation = ({ clear }: Envelope): string => `${clear.service}.${clear.operation}`;
    return operation(found) === operation(record);
  }

  /** What says the same under another id, because it was made at another step. */
  #twin(record: StoredRecord): Envelope | undefined {
    for (const found of this.#s.log.held.values()) {
      if (!this.#known.has(found.id) && leaves(found) && sameContent(found, record)) return found;
    }
    return undefined;
  }

  /** The first of what leaves the desk and the recording does not have. */
  #unforeseen(): Envelope | undefined {
    for (const found of this.#s.log.held.values())
      if (!this.#known.has(found.id) && leaves(found) && found.to.key === this.#recording.header.conversation)
        return found;
    return undefined;
  }

  async #answered(record: StoredRecord): Promise<void> {
    const { answers, log } = this.#s;
    const { ask, service, operation, ok } = record.clear;
    const asked = this.#known.get(String(ask));
    const name = asked ? `${asked.clear.service}.${asked.clear.operation}` : `${service}.${operation}`;
    const call = answers.find(String(ask), name);
    if (!call) throw this.#diverged(record, this.#unforeseen(), `${name} was not asked`);
    // A read has no record of its own: what it was asked with is seen here.
    if (asked === undefined && this.#o.match !== "tolerant") {
      if (canonicalJson(call.input) !== canonicalJson(record.data.input ?? {})) {
        const got = `asks ${name} ${canonicalJson(call.input)}`;
        throw new Diverged({
          seq: record.seq,
          expected: `asks ${name} ${canonicalJson(record.data.input)}`,
          got,
          what: `${name} is asked with something else`,
        });
      }
    }
    this.#s.host.clock.at = Math.max(this.#s.host.clock.at, record.at);
    const id = answerId(call.id);
    const coming = log.until(id);
    answers.give(call, ok === true, record.data.value ?? null);
    const found = await coming;
    if (!found) throw new ReplayStuckError(`the answer of ${name} never came to whoever asked`);
    await this.#place({ ...found, at: record.at, ...machineOf(record) }, record.seq);
  }

  async #timerFires(record: StoredRecord): Promise<void> {
    const key = String(record.clear.timer);
    const pending = (await this.#s.host.timers(record.to)).find((timer) => timer.key === key);
    // A cancelled one ends nowhere, then as now.
    if (!pending) return this.#place(record, record.seq);
    const clear = { ...record.clear, generation: pending.generation };
    return this.#place({ ...record, clear }, record.seq);
  }

  /** Before anything comes from outside, the desk has done all that it does by itself, and nothing that it did not do then. */
  #nothingElseCame(record: StoredRecord): void {
    const found = this.#unforeseen();
    // It may only come later, where the recording has it under another id.
    if (!found || this.#comesLater(found)) return;
    throw new Diverged(
      {
        seq: record.seq,
        expected: inWords(record),
        got: inWords(found),
        what: `the desk ${inWords(found)}, which it did not before`,
      },
      found,
    );
  }

  #comesLater(found: Envelope): boolean {
    return this.#recording.records.some(
      (r) => !this.#s.log.has(r.id) && this.#side(r) === "desk" && sameContent(r, found),
    );
  }

  #nothingIsLeft(): void {
    const found = this.#unforeseen();
    if (!found) return;
    throw new Diverged({
      got: inWords(found),
      what: `the desk ${inWords(found)}, and the recording is over`,
    });
  }

  /** @param seq its place in the recording */
  async #place(envelope: Envelope, seq: number): Promise<void> {
    const { host, log } = this.#s;
    this.#note(envelope, seq);
    await host.put(envelope);
    await this.#seen(envelope);
    for (;;) {
      const inside = [...log.held.values()].find((e) => !this.#known.has(e.id) && !leaves(e));
      if (!inside) break;
      if (inside.to.key !== this.#recording.header.conversation) {
        // To whom it is said is not of this conversation.
        log.held.delete(inside.id);
        continue;
      }
      if (this.#o.keep) this.#keep(inside);
      await host.put(inside);
      await this.#seen(inside);
    }
    this.#put++;
    if (this.#o.crashEvery && this.#put % this.#o.crashEvery === 0) {
      this.#crashes++;
      // Every second one finds what was written a moment ago, where all that was appended is in the log: a snapshot says so.
      if (this.#crashes % 2 === 0 && log.held.size === 0) await host.flush();
      // Whoever asked is gone; what is still open is asked again.
      this.#s.answers.open.clear();
      await host.crash();
    }
  }

  async #seen(envelope: Envelope): Promise<void> {
    if (!this.#onStep || !this.#s.folded.has(envelope.to.kind)) return;
    const state = await this.#s.host.state(envelope.to);
    if (state) this.#onStep(envelope, state);
  }

  #note(envelope: Envelope, seq: number): void {
    const at = this.#s.host.clock.at;
    if (envelope.at > at) this.#s.host.clock.at = envelope.at;
    if (this.#crosses(envelope)) this.#played.push({ seq, envelope });
    if (this.#o.keep) this.#keep(envelope);
  }

  #crosses(record: Envelope): boolean {
    const side = this.#side(record);
    return side !== "own" && (side !== "desk" || leaves(record));
  }

  /** Folds every actor again from the log alone. */
  async #verify(): Promise<void> {
    for (const to of this.#actors()) {
      const again = await this.#s.host.verify(to);
      if (again && !again.same) {
        throw new Diverged({
          seq: again.seq,
          what: `${formatAddress(to)} is another after a fold from the log: ${again.fromLog} instead of ${again.hash}`,
        });
      }
    }
  }

  #actors(): Address[] {
    return actorsOf(this.#recording.records, this.#s.folded);
  }

  #diverged(record: StoredRecord, got: Envelope | undefined, what?: string): Diverged {
    const expected = inWords(record);
    const instead = got ? inWords(got) : undefined;
    const unmet =
      instead === undefined
        ? `the desk did not come to it: ${expected}`
        : `“${expected}” became “${instead}”`;
    return new Diverged(
      {
        seq: record.seq,
        expected,
        ...(instead === undefined ? {} : { got: instead }),
        what: what ?? unmet,
      },
      got,
    );
  }
}

export async function stateHashOf(host: ReplayHost, actors: readonly Address[]): Promise<string> {
  const states: [string, string][] = [];
  for (const to of actors) {
    const state = await host.state(to);
    if (state) states.push([formatAddress(to), state.hash]);
  }
  return hashJson(states);
}

/** The next recording finds nothing of the one before. */
export function leaveStage({ log, answers }: FrozenStage): void {
  log.held.clear();
  answers.open.clear();
}

/** Keys of calls, and how often one was used again. */
export function callsOf(records: readonly Envelope[]): { size: number; repeated: number } {
  const keys = records.filter((r) => askedIn(r) !== undefined).map(({ clear }) => String(clear.key));
  const { size } = new Set(keys);
  return { size, repeated: keys.length - size };
}

function machineOf({ machine }: StoredRecord): { machine?: number } {
  return machine === undefined ? {} : { machine };
}
