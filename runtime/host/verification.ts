/**
 * Verification (L4, L5): an actor's records are folded from the log once more, in other ways, and each step is held
 * against the first fold. A machine that reaches for anything but its records comes to another state somewhere, and so
 * does one of which a snapshot doesn't keep everything.
 */
import { type Address, formatAddress } from "../address.ts";
import type { NewRecord, StoredRecord } from "../envelope.ts";
import { canonicalJson, type Json, type JsonObject } from "../json.ts";
import { CHECKPOINT } from "../log/checkpoint.ts";
import { Cell } from "./cell.ts";
import type { CellState } from "./cell-store.ts";
import type { ActorDefinition } from "./definition.ts";
import type { PersistedMachine } from "./live-machine.ts";
import { ASK, type Outgoing } from "./outbox.ts";
import { quarantineId, SKIPPED } from "./quarantine.ts";
import { hashedState } from "./state-hash.ts";

/** The records that a fold takes: those that were given up on are passed over, as every fold does. */
export function foldedRecords(records: readonly StoredRecord[]): StoredRecord[] {
  const ids = new Set(records.map((record) => record.id));
  const says = new Set([SKIPPED, CHECKPOINT]);
  return records.filter((record) => !says.has(record.type) && !ids.has(quarantineId(record.id)));
}

/**
 * The checkpoint that a fold of these records has to begin with; undefined where they begin with the actor's first one. The
 * last there is: what came between the state of an earlier one and its place may have left the log.
 */
export function lastCheckpoint(records: readonly StoredRecord[]): StoredRecord | undefined {
  const checkpoints = records.filter(({ type, from }) => type === CHECKPOINT && from.kind === "host");
  const [any] = checkpoints;
  // Before it, the actor was in another version of its machine.
  const changed = checkpoints.filter(({ clear }) => clear.anew === true);
  if (changed.length === 0 && (!any || records.some(({ seq }) => seq === any.clear.first))) return undefined;
  const those = changed.length > 0 ? changed : checkpoints;
  return those.reduce((a, b) => (coveredBy(b) > coveredBy(a) ? b : a));
}

export function coveredBy(checkpoint: StoredRecord): number {
  return Number(checkpoint.clear.covers);
}

/** A fresh cell with what is to be folded into it. @throws what `restore` throws */
export function beginFold(
  definition: ActorDefinition,
  to: Address,
  records: readonly StoredRecord[],
): { cell: Cell; rest: StoredRecord[]; from: StoredRecord | undefined } {
  const cell = new Cell(to, definition);
  const from = lastCheckpoint(records);
  const rest = foldedRecords(records);
  if (!from) return { cell, rest, from };
  cell.restore(from.data.state as unknown as CellState);
  return { cell, from, rest: rest.filter((record) => record.seq > coveredBy(from)) };
}

/** An actor after one record; both parts as canonical JSON. */
export interface Step {
  readonly seq: number;
  readonly type: string;
  /** What `stateHash` hashes; the error where the record can't be folded. */
  readonly state: string;
  /** What the fold wants done, and which asks are open after it. */
  readonly wants: string;
}

/** How records are folded: one after the other in memory, or put away and brought back between every two of them. */
export type Fold = "kept" | "restored";

/** Folds records in a fresh cell. Ends after a record that can't be folded. */
export function* foldSteps(
  definition: ActorDefinition,
  to: Address,
  records: readonly StoredRecord[],
  fold: Fold = "kept",
): Generator<Step> {
  let { cell, rest, from } = beginFold(definition, to, records);
  if (from) yield { seq: coveredBy(from), type: from.type, ...stateOf(cell, []) };
  for (const record of rest) {
    const { seq, type } = record;
    let step: Step;
    try {
      if (fold === "restored" && cell.exists) cell = putAwayAndBack(cell);
      const out = cell.fold(record);
      step = { seq, type, ...stateOf(cell, out) };
    } catch (error) {
      yield { seq, type, state: canonicalJson({ error: String(error) }), wants: "{}" };
      return;
    }
    yield step;
  }
}

function stateOf(cell: Cell, out: readonly Outgoing[]): Pick<Step, "state" | "wants"> {
  const { machine, asks } = cell.state();
  const wants = { out: out.map((each) => each.record), asks: asks.map((ask) => ask.id) };
  return { state: stateText(machine), wants: canonicalJson(wants) };
}

/** What passivation and the next activation do to an actor. */
function putAwayAndBack(cell: Cell): Cell {
  const state = JSON.parse(JSON.stringify(cell.state()));
  const next = new Cell(cell.to, cell.definition);
  next.restore(state);
  return next;
}

/** A state as the text that is hashed. */
export function stateText(machine: PersistedMachine): string {
  return canonicalJson(hashedState(machine));
}

/** The last step at or below a sequence: what is passed over moves an actor's sequence, but not its state. */
export function stepAt(steps: readonly Step[], seq: number): Step | undefined {
  return steps.findLast((step) => step.seq <= seq);
}

export interface Difference {
  /** `state.context.total`, `out[0].data.text`. */
  readonly path: string;
  readonly first: Json | undefined;
  readonly other: Json | undefined;
}

export interface Divergence {
  readonly actor: string;
  /** The first record after which the two differ; where only the end is known, the last one. */
  readonly seq: number;
  readonly type: string;
  /** Which of them differs from the first fold: `fold 2`, `in memory`, … */
  readonly which: string;
  /** Both states, as canonical JSON. */
  readonly first: string;
  readonly other: string;
  readonly paths: readonly Difference[];
}

const NOTHING: Step = { seq: 0, type: "nothing", state: "{}", wants: "{}" };

/** Holds steps against those of the first fold. */
export function firstDivergence(
  to: Address,
  first: readonly Step[],
  others: Iterable<Step>,
  which: string,
): Divergence | undefined {
  let i = 0;
  for (const other of others) {
    const found = stepDivergence(to, first[i++], other, which);
    if (found) return found;
  }
  const rest = first[i];
  return rest && divergence(to, rest, which, rest.state, NOTHING.state);
}

/** Holds one step against that of the first fold. */
export function stepDivergence(
  to: Address,
  first: Step | undefined,
  other: Step,
  which: string,
): Divergence | undefined {
  const { state, wants } = first ?? NOTHING;
  if (state !== other.state) return divergence(to, other, which, state, other.state);
  if (wants !== other.wants) return divergence(to, other, which, wants, other.wants);
  return undefined;
}

/** Holds a state that an actor has, or that was kept of it, against the first fold. */
export function stateDivergence(
  to: Address,
  first: readonly Step[],
  seq: number,
  machine: PersistedMachine,
  which: string,
): Divergence | undefined {
  const step = stepAt(first, seq) ?? NOTHING;
  const text = stateText(machine);
  return step.state === text ? undefined : divergence(to, step, which, step.state, text);
}

/**
 * Holds what the folds want done against what the log has under the same ids: a machine that was impure when it was at
 * work, and comes to the same each time since, shows here.
 * @param inLog finds a record by the one that was wanted.
 */
export async function effectDivergence(
  to: Address,
  steps: readonly Step[],
  inLog: (wanted: NewRecord) => Promise<StoredRecord | undefined>,
): Promise<Divergence | undefined> {
  for (const step of steps) {
    const { out = [] } = JSON.parse(step.wants) as { out?: NewRecord[] };
    for (const wanted of out) {
      const found = await inLog(wanted);
      // A read is asked without a record.
      if (!found && wanted.type === ASK) continue;
      const [first, other] = [said(wanted), found ? said(found) : "{}"];
      if (first !== other) return divergence(to, step, "in the log", first, other);
    }
  }
  return undefined;
}

function said({ type, to, cause, clear = {}, data = {} }: NewRecord): string {
  return canonicalJson({ type, to, cause, clear, data });
}

function divergence(to: Address, at: Step, which: string, first: string, other: string): Divergence {
  const { seq, type } = at;
  const paths = differences(JSON.parse(first), JSON.parse(other));
  return { actor: formatAddress(to), seq, type, which, first, other, paths };
}

/** Differences that are named; more would not help anybody. */
const MOST_PATHS = 20;

/** Where two values differ, as deep as it can be said. */
export function differences(first: Json, other: Json): Difference[] {
  const found: Difference[] = [];
  const compare = (path: string, a: Json | undefined, b: Json | undefined): void => {
    if (found.length >= MOST_PATHS || a === b) return;
    if (Array.isArray(a) && Array.isArray(b)) {
      for (let i = 0; i < Math.max(a.length, b.length); i++) compare(`${path}[${i}]`, a[i], b[i]);
    } else if (isObject(a) && isObject(b)) {
      const names = new Set([...Object.keys(a), ...Object.keys(b)]);
      for (const name of [...names].sort()) compare(path ? `${path}.${name}` : name, a[name], b[name]);
    } else found.push({ path, first: a, other: b });
  };
  compare("", first, other);
  return found;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface Verified {
  /** Steps of the first fold. */
  readonly steps: readonly Step[];
  readonly folds: number;
  readonly diverged: readonly Divergence[];
}

/** Zones of which at least one is half a day away from here. */
const ZONES = ["Pacific/Kiritimati", "Pacific/Pago_Pago"] as const;

/** Does something synchronous as if the machine stood elsewhere. */
function elsewhere<T>(work: () => T): T {
  const { TZ } = process.env;
  const here = new Date().getTimezoneOffset();
  // East of Greenwich the offset is below zero.
  process.env.TZ = here < 0 ? ZONES[1] : ZONES[0];
  try {
    return work();
  } finally {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  }
}

/**
 * Folds an actor's records so many times, once in another time zone, and once restored between every two records. All at
 * once and without a pause: for tools, not for a desk at work.
 */
export function verifyFolds(
  definition: ActorDefinition,
  to: Address,
  records: readonly StoredRecord[],
  times: number,
): Verified {
  const steps = [...foldSteps(definition, to, records)];
  const diverged: Divergence[] = [];
  const fold = (which: string, how: Fold): void => {
    const found = firstDivergence(to, steps, foldSteps(definition, to, records, how), which);
    if (found) diverged.push(found);
  };
  for (let n = 2; n <= times; n++) fold(`fold ${n}`, "kept");
  elsewhere(() => fold("in another time zone", "kept"));
  fold("restored between records", "restored");
  return { steps, folds: times + 2, diverged };
}
