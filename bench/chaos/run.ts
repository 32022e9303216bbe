/** One run: load, faults by their schedule, and the verdict on what came of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { NodeClient } from "./channel.ts";
import { ANSWER_WITHIN_MS, check, failuresOf, type Verdict } from "./checker.ts";
import { type Fault, type FaultKind, type Protection, TRIALS } from "./faults.ts";
import { type Form, formsOf } from "./forms.ts";
import type { FinalState, History } from "./history.ts";
import { INJECT } from "./inject/index.ts";
import { type Done, injectionOf, type Notes } from "./inject/injection.ts";
import { Load } from "./load.ts";
import { LogTail, readLetters } from "./log-tail.ts";
import { scheduleOf } from "./schedule.ts";
import type { UnlikeCopies } from "./servers.ts";
import { Site } from "./site.ts";

export interface RunOptions {
  readonly seed: string;
  /** Number of the run, from 0. */
  readonly run: number;
  /** Length of the load. Default 60. */
  readonly seconds?: number;
  /** Default 200. */
  readonly conversations?: number;
  /** A protection to do without. */
  readonly broken?: Protection;
  /** Kinds of faults. Default: those of the run's form. */
  readonly kinds?: readonly FaultKind[];
  /** Forms to choose from. Default: all. */
  readonly forms?: readonly Form[];
  /** The JavaScript file of `node-process.ts`. */
  readonly entry: string;
  /** Leaves the directory of a run that failed. Default false. */
  readonly keep?: boolean;
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface DoneFault {
  readonly kind: FaultKind;
  /** When it was to begin, and when it was over, ms from the start of the load. */
  readonly at: number;
  readonly endedAt: number;
  readonly how?: string;
  /** Why it could not be done, or not to its end. */
  readonly undone?: string;
}

export interface RunResult {
  readonly run: number;
  readonly form: Form;
  readonly faults: readonly DoneFault[];
  readonly messages: number;
  readonly accepted: number;
  readonly records: number;
  /** Writes that reached a system, and those that the system did. */
  readonly attempts: number;
  readonly applied: number;
  /** How often nodes' processes were started. */
  readonly starts: number;
  readonly verdict: Verdict;
  /** Sentences of the verdict, and faults that were not done. */
  readonly failures: number;
  /** Streams whose copies at the servers were not the same in the end, a sentence each. */
  readonly apart?: readonly string[];
  /** Streams of which a copy is behind the others, and those that are apart beside them: such a run counts. */
  readonly behind?: readonly string[];
  /** Where to look, of a run that failed. */
  readonly kept?: string;
}

const LOOK_EVERY_MS = 250;
/** Copies that nobody has looked at, since nothing failed. */
const ALIKE: UnlikeCopies = { apart: [], behind: [] };
/** How long a message that nobody has accepted is tried at the end, ms. */
const LAST_TRIES_MS = 5_000;
/** States that are asked for at once. */
const WINDOW = 8;
/** The last answers come a moment after their time is over, if too late: that is seen as well, ms. */
const GRACE_MS = 1_500;
/** A fault that does not come to an end, ms. */
const LONGEST_FAULT_MS = 150_000;

export async function runChaos(options: RunOptions): Promise<RunResult> {
  const { seed, run, seconds = 60, conversations = 200, broken, kinds, entry, onProgress, signal } = options;
  const { form, faults } = scheduleOf({
    seed,
    run,
    seconds,
    kinds,
    trials: broken && TRIALS[broken],
    forms: options.forms ?? formsOf(broken),
  });
  const site = await Site.start({ seed: `${seed} run ${run}`, form, entry, broken });
  const load = new Load({
    seed: `${seed} run ${run}`,
    conversations,
    nodes: site.nodes.map(({ client }) => client),
    isAnswered: (id) => site.tail.answered.has(id),
  });
  const watching = new AbortController();
  let failed = true;
  try {
    const notes: Notes = { poisons: [], foreign: [], refused: [] };
    const watched = watch(site, watching.signal);
    const startedAt = Date.now();
    load.start();
    const done = await Promise.all([
      ...faults.map(async (fault): Promise<DoneFault> => {
        await sleep(fault.at, undefined, { signal });
        onProgress?.(fault.kind);
        const { endedAt, ...rest } = await bounded(fault, site, load, notes);
        return { kind: fault.kind, at: fault.at, endedAt: endedAt - startedAt, ...rest };
      }),
      sleep(seconds * 1_000, undefined, { signal }),
    ]).then((all) => all.filter((each): each is DoneFault => typeof each === "object"));
    onProgress?.("waiting for the last answers");
    await load.end(LAST_TRIES_MS);
    const lastFaultEndedAt = startedAt + Math.max(0, ...done.map(({ endedAt }) => endedAt));
    await settled(site, load, lastFaultEndedAt);
    onProgress?.("reading what became of it");
    const states = await finalStates(site, load);
    watching.abort();
    await watched;
    // From its beginning: what was read along may be gone.
    const log = new LogTail(site.bus, site.names.logStream);
    await insist(() => log.catchUp());
    const history: History = {
      messages: load.messages,
      log: log.records,
      attempts: site.sinks.flatMap(({ attempts }) => attempts),
      letters: await insist(() => readLetters(site.bus, site.names.deadStream)),
      states,
      ...notes,
      leaks: log.leaks,
      lastFaultEndedAt,
    };
    const verdict = check(history);
    const failures = failuresOf(verdict) + done.filter(({ undone }) => undone).length;
    failed = failures > 0;
    const { apart, behind } = failed ? await site.servers.unlike() : ALIKE;
    const result: RunResult = {
      run,
      form,
      faults: done,
      messages: load.messages.length,
      accepted: load.messages.filter(({ acceptedAt }) => acceptedAt !== undefined).length,
      records: history.log.length,
      attempts: history.attempts.length,
      applied: history.attempts.filter(({ applied }) => applied).length,
      starts: site.nodes.reduce((sum, { starts }) => sum + starts, 0),
      verdict,
      failures,
      ...(apart.length > 0 && behind.length === 0 ? { apart } : {}),
      ...(behind.length > 0 ? { behind: [...behind, ...apart] } : {}),
      ...(failed && options.keep ? { kept: site.dir } : {}),
    };
    if (failed && options.keep) {
      writeFileSync(join(site.dir, "result.json"), JSON.stringify({ result, history }));
    }
    return result;
  } finally {
    watching.abort();
    await load.end(0);
    await site.stop(failed && options.keep);
  }
}

/** A fault that can't be done, or does not end, is over when it was given up. */
async function bounded(
  fault: Fault,
  site: Site,
  load: Load,
  notes: Notes,
): Promise<Done & Pick<DoneFault, "undone">> {
  const injected = INJECT[fault.kind](injectionOf(fault, site, load, notes)).catch((error) => ({
    endedAt: Date.now(),
    undone: String(error),
  }));
  const late = sleep(LONGEST_FAULT_MS, undefined, { ref: false }).then(() => ({
    endedAt: Date.now(),
    undone: "it did not end",
  }));
  return Promise.race([injected, late]);
}

/** Reads the log along, so that at the end little is left to read. */
async function watch(site: Site, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await site.tail.catchUp().catch(() => {});
    await sleep(LOOK_EVERY_MS);
  }
}

/** Waits until all is answered, or could have been. */
async function settled(site: Site, load: Load, lastFaultEndedAt: number): Promise<void> {
  for (;;) {
    const { answered } = site.tail;
    const open = load.messages.filter(({ id, acceptedAt }) => acceptedAt !== undefined && !answered.has(id));
    // What its customer wants to wait for, for all that is open of a conversation.
    const waits = new Map<string, number>();
    for (const { to, ms = 0 } of open) waits.set(to, (waits.get(to) ?? 0) + ms);
    const from = Math.max(lastFaultEndedAt, ...open.map(({ acceptedAt }) => acceptedAt!));
    const late = from + Math.max(0, ...waits.values()) + ANSWER_WITHIN_MS + GRACE_MS;
    if (open.length === 0 || Date.now() > late) return;
    await sleep(LOOK_EVERY_MS);
  }
}

async function finalStates(site: Site, load: Load): Promise<FinalState[]> {
  const names = [...new Set(load.messages.map(({ to }) => to))];
  const states: FinalState[] = [];
  const end = Date.now() + 30_000;
  const clients = site.nodes.map(({ client }) => client);
  const next = async (): Promise<void> => {
    for (let to = names.pop(); to !== undefined; to = names.pop()) {
      const state = await firstOf(clients, end, (client) => client.state(to));
      const same = state && (await firstOf(clients, end, (client) => client.isSame(to)));
      states.push({ to, seen: state?.seen, same });
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, next));
  return states;
}

/** The first answer, of any node: one may be on its way back still, or may not have what is asked for. */
async function firstOf<T>(
  clients: readonly NodeClient[],
  end: number,
  ask: (client: NodeClient) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (let i = 0; ; i++) {
    const answer = await ask(clients[i % clients.length]!);
    if (answer !== undefined || Date.now() > end) return answer;
    if (i % clients.length === clients.length - 1) await sleep(LOOK_EVERY_MS);
  }
}

/** The server may be on its way back still. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === 20) throw error;
      await sleep(LOOK_EVERY_MS);
    }
  }
}
