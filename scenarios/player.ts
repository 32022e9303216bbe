/** Plays scenarios against a desk over HTTP and holds them against what they expect. */
import { hashJson } from "../runtime/json.ts";
import type { DeskAccess } from "./desk-client.ts";
import { ConversationDriver, type DriverOptions } from "./driver.ts";
import { type SkillCall, skillCalls, unmet, unmetCalls } from "./expect.ts";
import {
  type Expectation,
  isExclusive,
  parseDuration,
  resolveTimes,
  type Scenario,
  type ScenarioStep,
} from "./format.ts";
import { perform } from "./perform.ts";
import { type Said, saidAndDone, saidIn } from "./transcript.ts";

/** A desk that scenarios are played on, with what only a desk of one's own allows. */
export interface Stage extends DeskAccess {
  /** Start of the run, ms since the epoch: what relative dates refer to. */
  readonly start: number;
  /** Moves the desk's clock ahead. */
  advance?(ms: number): Promise<void>;
  /** Makes a system fail, or mends it. */
  fault?(system: string, mode: "down" | "slow" | "error" | undefined): Promise<void>;
  /** A record of the back office. */
  record?(collection: string, id: string): Promise<Record<string, unknown> | undefined>;
}

export interface Unmet {
  /** From 1. */
  readonly step: number;
  readonly what: string;
}

export interface Played {
  readonly id: string;
  readonly file: string;
  readonly status: "passed" | "diverged" | "failed";
  readonly conversation: string;
  /** The conversation before, if one was given. */
  readonly earlier: string | null;
  readonly expectations: { readonly met: number; readonly failed: readonly Unmet[] };
  /** Set when it could not be played to its end. */
  readonly error?: string;
  readonly turns: number;
  readonly messages: number;
  readonly replies: number;
  readonly calls: readonly SkillCall[];
  readonly trace: readonly any[];
  /** What was said in the conversation before, if one was given. */
  readonly before: readonly Said[];
  readonly outcome: string | null;
  readonly handoff: string | null;
  /** Milliseconds from a message to its first reply, by turn. */
  readonly turnMs: readonly number[];
  /** Milliseconds from a message to its 202. */
  readonly acceptMs: readonly number[];
  /** Messages that neither the desk nor a person has taken. */
  readonly unanswered: number;
  readonly repeated: number;
  /** The states and results that it went through, as one text: scenarios with the same path exercise the same. */
  readonly path: string;
  readonly transcriptHash: string;
  readonly stateHash: string;
  readonly durationMs: number;
}

/** How long what a person or the time has set going may take to show. */
const SHOWS_MS = 3_000;

export async function play(scenario: Scenario, stage: Stage, options: DriverOptions = {}): Promise<Played> {
  return (await playSteps(scenario, stage, options))();
}

/** What a step expects of skills, looked at when nobody is disturbed by reading the trace. */
interface LaterLook {
  readonly step: number;
  readonly expected: Expectation;
  /** What else of the step is met. */
  readonly rest: boolean;
  /** End of what had happened: the next message of the customer. */
  before: number;
}

/** Plays the steps; answers how to read the trace and sum up, which can wait until nobody is disturbed by it. */
async function playSteps(
  scenario: Scenario,
  stage: Stage,
  options: DriverOptions,
): Promise<() => Promise<Played>> {
  const startedAt = performance.now();
  const driver = new ConversationDriver(stage, options);
  const failed: Unmet[] = [];
  const path: string[] = [];
  let earlier: Earlier | undefined;
  const later: LaterLook[] = [];
  let met = 0;
  let error: string | undefined;
  let lastState: Awaited<ReturnType<ConversationDriver["state"]>> | undefined;
  try {
    const customer = scenario.given.customer ?? {};
    if (scenario.given.after.length > 0) earlier = await playEarlier(scenario, stage, options);
    await driver.open({ channel: scenario.given.channel, customer, vouched: scenario.given.vouched });
    let number = 0;
    for (const raw of scenario.steps) {
      number++;
      const step = resolveTimes(raw, stage.start);
      const heard = driver.replies.length;
      const asked = driver.sent.length;
      await perform(step, driver, stage);
      const sent = driver.sent[asked];
      for (const look of later) if (sent) look.before = Math.min(look.before, sent.seq);
      lastState = await driver.settled();
      const postponed = step.expect?.skill !== undefined && canWait(scenario.steps, number);
      const happened = async (): Promise<string[]> => [
        ...(await unmet(step.expect!, {
          replies: driver.replies.slice(heard),
          state: lastState!,
          records: async (collection, id) => stage.record?.(collection, id),
        })),
        ...(step.expect!.skill && !postponed
          ? unmetCalls(step.expect!, skillCalls(await driver.trace()))
          : []),
      ];
      let wrong = step.expect ? await happened() : [];
      // What others than the customer set going takes its way through the log before it shows.
      for (const end = performance.now() + SHOWS_MS; wrong.length > 0 && !("customer" in step); ) {
        if (performance.now() > end) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
        lastState = await driver.settled();
        wrong = await happened();
      }
      const running = lastState.playbook?.split("@")[0] ?? "-";
      path.push(
        `${lastState.state}:${running}:${lastState.handoff?.reason ?? "-"}:${lastState.outcome ?? "-"}`,
      );
      if (!step.expect) continue;
      if (step.expect.within !== undefined) {
        const took =
          sent?.answeredAt === undefined ? Number.POSITIVE_INFINITY : sent.answeredAt - sent.sentAt;
        if (took > parseDuration(step.expect.within)!) wrong.push(`the reply took ${Math.round(took)} ms`);
      }
      const rest = wrong.length === 0;
      if (postponed)
        later.push({ step: number, expected: step.expect, rest, before: Number.POSITIVE_INFINITY });
      else if (rest) met++;
      for (const what of wrong) failed.push({ step: number, what });
    }
  } catch (caught) {
    error = (caught as Error).message;
  }
  await driver.close();
  // The next one meets a desk in order.
  for (const system of faultsOf(scenario)) await stage.fault?.(system, undefined);
  const durationMs = performance.now() - startedAt;
  return async () => {
    const trace = await driver.trace().catch(() => []);
    const calls = skillCalls(trace);
    for (const { step, expected, rest, before } of later) {
      const wrong = unmetCalls(expected, skillCalls(trace.filter((r) => r.seq < before)));
      if (rest && wrong.length === 0) met++;
      for (const what of wrong) failed.push({ step, what });
    }
    const said = saidAndDone(trace);
    return {
      id: scenario.name,
      file: scenario.file,
      status: error ? "failed" : failed.length > 0 ? "diverged" : "passed",
      conversation: driver.id,
      earlier: earlier?.id ?? null,
      expectations: { met, failed },
      error,
      turns: driver.sent.length,
      messages: driver.sent.length + driver.replies.length,
      replies: driver.replies.length,
      calls,
      trace,
      before: earlier?.said ?? [],
      outcome: lastState?.outcome ?? null,
      handoff: lastState?.handoff?.reason ?? null,
      turnMs: driver.sent.filter((m) => m.answeredAt !== undefined).map((m) => m.answeredAt! - m.sentAt),
      acceptMs: driver.sent.map((m) => m.acceptedAt - m.sentAt),
      unanswered: driver.sent.filter((m) => m.answeredAt === undefined && !m.withPerson).length,
      repeated: driver.repeated,
      path: [...path, ...calls.map((c) => `${c.name}=${c.result ?? "open"}`)].join(" "),
      transcriptHash: hashJson(said),
      stateHash: hashJson(path),
      durationMs,
    };
  };
}

/** Whether the trace will tell later what had happened by the end of this step (from 1): it is the last, or a message follows. */
function canWait(steps: readonly ScenarioStep[], number: number): boolean {
  const here = steps[number - 1]!;
  const next = steps[number];
  return "customer" in here && (next === undefined || "customer" in next);
}

const faultsOf = (scenario: Scenario): Set<string> =>
  new Set(scenario.steps.flatMap((s) => ("fail" in s ? [s.fail.system] : [])));

export interface PlayOptions extends DriverOptions {
  /** Conversations under way at once. Default 8. */
  readonly concurrency?: number;
  readonly onDone?: (done: number) => void;
  /** Called when the first scenario is about to begin. */
  readonly onBegin?: () => void;
  /** Customers whose scenarios nobody looks at; they keep the desk as busy as `concurrency` says. */
  readonly extras?: {
    readonly before: readonly Scenario[];
    /** Come until the last scenario has ended. */
    readonly until: readonly Scenario[];
  };
}

/**
 * Plays all: those that share a desk at `concurrency`, the others one after the other at the end. With extras, scenarios
 * come one by one into a desk that is busy already and stays so until the last of them has ended, so that none of them is
 * part of a crowd at the door, or has the desk for itself in the end.
 */
export async function playAll(
  scenarios: readonly Scenario[],
  stage: Stage,
  options: PlayOptions = {},
): Promise<Played[]> {
  const { concurrency = 8, extras = { before: [], until: [] } } = options;
  const played: (() => Promise<Played>)[] = [];
  const shared = scenarios.filter((s) => !isExclusive(s));
  const one = async (scenario: Scenario): Promise<void> => {
    if (scenario === scenarios[0]) options.onBegin?.();
    played.push(await playSteps(scenario, stage, options));
    options.onDone?.(played.length);
  };
  const extra = async (scenario: Scenario): Promise<void> => void (await playSteps(scenario, stage, options));
  const queue = [
    ...extras.before.map((scenario) => () => extra(scenario)),
    ...shared.map((scenario) => () => one(scenario)),
    ...extras.until.map((scenario) => async () => {
      if (played.length < shared.length) await extra(scenario);
    }),
  ];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  for (const scenario of scenarios.filter(isExclusive)) await one(scenario);
  const results: Played[] = [];
  for (const finish of played) results.push(await finish());
  return results.sort((a, b) => (a.id < b.id ? -1 : 1));
}

interface Earlier {
  readonly id: string;
  readonly said: Said[];
}

async function playEarlier(scenario: Scenario, stage: Stage, options: DriverOptions): Promise<Earlier> {
  const driver = new ConversationDriver(stage, options);
  await driver.open({
    channel: scenario.given.channel,
    customer: scenario.given.customer ?? {},
    vouched: scenario.given.vouched,
  });
  for (const text of scenario.given.after) {
    await driver.send(resolveTimes(text, stage.start));
    await driver.settled();
  }
  const said = saidIn(await driver.trace());
  await driver.close();
  return { id: driver.id, said };
}
