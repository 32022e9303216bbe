/** Which faults a run meets and when. It follows from the seed alone: the same seed gives the same schedule. */
import { Random } from "../rehydration/random/random.ts";
import type { Fault, FaultKind } from "./faults.ts";
import { FORMS, type Form, formOf, formsThatMeet, kindsOf } from "./forms.ts";

export interface ScheduleOptions {
  readonly seed: string;
  /** Number of the run, from 0. */
  readonly run: number;
  /** Length of the load. */
  readonly seconds: number;
  /** Kinds to choose from. Default: those of the run's form. */
  readonly kinds?: readonly FaultKind[];
  /** Kinds that this run has to meet, besides those dealt to it. Default: none. */
  readonly trials?: readonly FaultKind[];
  /** Forms to choose from; those that can't meet the given kinds are left out. Default: all. */
  readonly forms?: readonly Form[];
}

export interface Schedule {
  readonly form: Form;
  readonly faults: readonly Fault[];
}

/** One fault for so many seconds. */
const SECONDS_A_FAULT = 7;
/** Nothing happens before this, so that there is something to harm, ms. */
const FIRST_MS = 1_500;
/** After the last fault the load goes on for about this long, ms. */
const LAST_MS = 1_500;

/** @throws RangeError when no form can meet the given kinds */
export function scheduleOf(options: ScheduleOptions): Schedule {
  const { seed, run, seconds, kinds, trials = [] } = options;
  const wanted = [...(kinds ?? []), ...trials];
  const forms = formsThatMeet(wanted, options.forms ?? FORMS);
  if (forms.length === 0) throw new RangeError(`no form of run can meet ${[...new Set(wanted)].join(", ")}`);
  const { form, before } = formOf(seed, run, forms);
  const dealt = deal(`${seed} ${form}`, before, faultsIn(seconds), kinds ?? kindsOf(form));
  const random = new Random(`${seed} run ${run}`);
  // A trial takes the place of what was dealt where there are too many of them for the time. They come last: a store that is lost
  // afterwards, and built again from the log, would heal what a crash did to it before anybody is too late.
  const others = dealt.slice(0, Math.max(0, dealt.length - trials.length));
  const order = [...shuffled(others, random), ...shuffled(trials, random)];
  const span = (seconds * 1_000 - FIRST_MS - LAST_MS) / order.length;
  const faults = order.map((kind, i) => ({
    at: Math.round(FIRST_MS + span * i + (span / 2) * random.between(0, 1_000) * 0.001),
    kind,
    seed: `${seed} run ${run} fault ${i}`,
  }));
  return { form, faults };
}

/** Two at least, and eight in a minute. */
export function faultsIn(seconds: number): number {
  return Math.max(2, Math.floor(seconds / SECONDS_A_FAULT));
}

/** Runs are dealt from shuffled decks, one after the other, so that over many runs each kind comes about equally often. */
function deal(seed: string, run: number, each: number, kinds: readonly FaultKind[]): FaultKind[] {
  const first = run * each;
  const decks: FaultKind[] = [];
  for (let deck = 0; decks.length < first + each; deck++) {
    const cards = shuffled(kinds, new Random(`${seed} deck ${deck}`));
    // A hand that spans two decks has each kind once, as long as there are enough of them.
    const recent = decks.slice(-(each - 1));
    const late = cards.filter((kind) => recent.includes(kind));
    const early = cards.filter((kind) => !recent.includes(kind));
    decks.push(...early, ...late);
  }
  return decks.slice(first, first + each);
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const mixed = [...list];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = random.between(0, i);
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}
