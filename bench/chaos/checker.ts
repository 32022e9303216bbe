/** Judges the history of a run: pure, and knows nothing of how it came about. */
import type { History, LoggedRecord, SentMessage } from "./history.ts";
import { ANSWERS } from "./machines.ts";

/** Sentences, by what went wrong; all are empty when all is well. */
export interface Verdict {
  /** Accepted, and not in the log or not folded; or said to be done, and not done. */
  readonly lost: readonly string[];
  /** Applied more than once at a system. */
  readonly duplicatedEffects: readonly string[];
  /** Folded or answered in another order than sent. */
  readonly outOfOrder: readonly string[];
  /** Neither reply nor hand-over nor apology in time. */
  readonly unanswered: readonly string[];
  /** Folded twice, or answered twice. */
  readonly repeated: readonly string[];
  /** The state is not what the log says. */
  readonly diverged: readonly string[];
  /** A record that ruins its actor, or that nobody can fold, is not a dead letter; or an innocent one is. */
  readonly misjudged: readonly string[];
  /** In the log, and refused. */
  readonly kept: readonly string[];
  /** A customer's words where anybody can read them. */
  readonly leaked: readonly string[];
}

/**
 * From the last fault's end, or from the acceptance where that is later, to the answer, ms; and the time that the customer
 * himself wants to wait for, for this and for what he had asked for before it: one thing is done after the other.
 */
export const ANSWER_WITHIN_MS = 10_000;

export const FAILINGS = [
  "lost",
  "duplicatedEffects",
  "outOfOrder",
  "unanswered",
  "repeated",
  "diverged",
  "misjudged",
  "kept",
  "leaked",
] as const satisfies readonly (keyof Verdict)[];

export function failuresOf(verdict: Verdict): number {
  return FAILINGS.reduce((sum, failing) => sum + verdict[failing].length, 0);
}

/** A record as the host takes it: only the first occurrence of an id counts. */
function firstOccurrences(log: readonly LoggedRecord[]): Map<string, LoggedRecord> {
  const first = new Map<string, LoggedRecord>();
  for (const record of log) if (!first.has(record.id)) first.set(record.id, record);
  return first;
}

/** The message that a record answers, if it is an answer. */
export function answeredBy({ to, type, clear }: LoggedRecord): string | undefined {
  const isAnswer = to.startsWith("channel/") && (ANSWERS as readonly string[]).includes(type);
  return isAnswer ? String(clear.message) : undefined;
}

/** Answers to each message, in log order. */
function answersIn(log: Iterable<LoggedRecord>): Map<string, LoggedRecord[]> {
  const answers = new Map<string, LoggedRecord[]>();
  for (const record of log) {
    const message = answeredBy(record);
    if (message === undefined) continue;
    const known = answers.get(message);
    if (known) known.push(record);
    else answers.set(message, [record]);
  }
  return answers;
}

export function check(history: History): Verdict {
  const first = firstOccurrences(history.log);
  const answers = answersIn(first.values());
  const accepted = history.messages.filter((message) => message.acceptedAt !== undefined);
  return {
    lost: lost(history, accepted, first, answers),
    duplicatedEffects: duplicatedEffects(history),
    outOfOrder: outOfOrder(history, first, answers),
    unanswered: unanswered(history, accepted, answers),
    repeated: repeated(history, answers),
    diverged: history.states
      .filter(({ same }) => same === false)
      .map(({ to }) => `${to} is not what the log says`),
    misjudged: misjudged(history),
    kept: history.refused.filter((id) => first.has(id)).map((id) => `${id} was refused and is in the log`),
    leaked: history.leaks,
  };
}

function lost(
  { log, states, attempts }: History,
  accepted: readonly SentMessage[],
  first: ReadonlyMap<string, LoggedRecord>,
  answers: ReadonlyMap<string, readonly LoggedRecord[]>,
): string[] {
  const found: string[] = [];
  const at = new Map(log.map((record) => [record.seq, record.id]));
  const seen = new Map(states.map((state) => [state.to, state.seen && new Set(state.seen)]));
  const applied = new Set(attempts.filter((a) => a.applied).map(({ sink, what }) => `${sink} ${what}`));
  for (const { id, to, seq, wants } of accepted) {
    if (!first.has(id)) found.push(`${id} to ${to} was accepted and is not in the log`);
    else if (seq !== undefined && at.get(seq) !== id)
      found.push(`${id} to ${to} is not at ${seq} of the log`);
    else if (!seen.get(to)) found.push(`${id} to ${to}: its actor can't be read`);
    else if (!seen.get(to)!.has(id)) found.push(`${id} to ${to} was accepted and never folded`);
    const said = answers.get(id)?.some(({ type }) => type === "reply");
    const system = wants.startsWith("write-") ? wants.slice("write-".length) : undefined;
    if (said && system && !applied.has(`${system} ${id}`))
      found.push(`${id} to ${to} is said to be done and is not`);
  }
  return found;
}

function duplicatedEffects({ attempts }: History): string[] {
  const times = new Map<string, number>();
  for (const { sink, what, applied } of attempts) {
    if (applied)
      times.set(`${what} at the ${sink} system`, (times.get(`${what} at the ${sink} system`) ?? 0) + 1);
  }
  return [...times].filter(([, n]) => n > 1).map(([what, n]) => `${what} was applied ${n} times`);
}

/** Both the order of folding and that of the answers have to be the order in which the customer sent. */
function outOfOrder(
  { messages, states }: History,
  first: ReadonlyMap<string, LoggedRecord>,
  answers: ReadonlyMap<string, readonly LoggedRecord[]>,
): string[] {
  const found: string[] = [];
  const sent = new Map<string, SentMessage[]>();
  for (const message of messages) sent.set(message.to, [...(sent.get(message.to) ?? []), message]);
  const seen = new Map(states.map((state) => [state.to, state.seen ?? []]));
  for (const [to, all] of sent) {
    const wanted = all.map(({ id }) => id);
    const inLog = wanted.filter((id) => first.has(id));
    const bySeq = inLog.toSorted((a, b) => first.get(a)!.seq - first.get(b)!.seq);
    if (inLog.join() !== bySeq.join()) found.push(`${to}: the log has its messages in another order`);
    const known = new Set(wanted);
    const folded = [...new Set(seen.get(to))].filter((id) => known.has(id));
    const expected = wanted.filter((id) => folded.includes(id));
    if (folded.join() !== expected.join()) found.push(`${to}: its messages were folded in another order`);
    const answered = wanted.filter((id) => answers.has(id));
    const byAnswer = answered.toSorted((a, b) => answers.get(a)![0]!.seq - answers.get(b)![0]!.seq);
    if (answered.join() !== byAnswer.join()) found.push(`${to}: its messages were answered in another order`);
  }
  return found;
}

function unanswered(
  { lastFaultEndedAt }: History,
  accepted: readonly SentMessage[],
  answers: ReadonlyMap<string, readonly LoggedRecord[]>,
): string[] {
  const found: string[] = [];
  /** What a conversation had to wait for so far: how long, and until when. */
  const waits = new Map<string, { readonly ms: number; readonly until: number }[]>();
  for (const { id, to, wants, ms = 0, acceptedAt } of accepted) {
    const answer = answers.get(id)?.[0];
    const from = Math.max(lastFaultEndedAt, acceptedAt!);
    const before = (waits.get(to) ?? []).filter(({ until }) => until > from);
    waits.set(to, [...before, { ms, until: answer?.at ?? Number.POSITIVE_INFINITY }]);
    const late = from + before.reduce((sum, wait) => sum + wait.ms, ms) + ANSWER_WITHIN_MS;
    if (!answer) found.push(`${id} to ${to} (${wants}) has no answer`);
    else if (answer.at > late)
      found.push(`${id} to ${to} (${wants}) was answered ${answer.at - late} ms too late`);
  }
  return found;
}

function repeated({ states }: History, answers: ReadonlyMap<string, readonly LoggedRecord[]>): string[] {
  const found: string[] = [];
  for (const { to, seen = [] } of states) {
    const twice = new Set(seen.filter((id, i) => seen.indexOf(id) !== i));
    for (const id of twice) found.push(`${id} was folded twice by ${to}`);
  }
  for (const [id, all] of answers) if (all.length > 1) found.push(`${id} was answered ${all.length} times`);
  return found;
}

/** Each poison and each foreign record is a dead letter, and nothing else is. */
function misjudged({ log, letters, poisons, foreign }: History): string[] {
  const found: string[] = [];
  const quarantined = new Set(
    log
      .filter(({ type }) => type === "host.quarantined" || type === "host.skipped")
      .map(({ clear }) => String(clear.record)),
  );
  const buried = new Set(letters.map(({ recordId }) => recordId));
  const places = new Set(letters.map(({ seq }) => seq));
  for (const { id, to, kind } of poisons) {
    if (!quarantined.has(id)) found.push(`the record ${id} to ${to} (${kind}) was not quarantined`);
    if (!buried.has(id)) found.push(`the record ${id} to ${to} (${kind}) is no dead letter`);
  }
  for (const { seq, what } of foreign) {
    if (!places.has(seq)) found.push(`the foreign record at ${seq} (${what}) is no dead letter`);
  }
  const guilty = new Set(poisons.map(({ id }) => id));
  const strange = new Set(foreign.map(({ seq }) => seq));
  for (const { seq, recordId, to, type } of letters) {
    if (recordId !== undefined && guilty.has(recordId)) continue;
    if (seq !== undefined && strange.has(seq)) continue;
    found.push(
      `${type ?? "a record"} ${recordId ?? ""} to ${to ?? "?"} at ${seq ?? "?"} is a dead letter for nothing`,
    );
  }
  return found;
}
