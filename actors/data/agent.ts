/**
 * A data agent: the resident agent of one system. It checks inputs, keeps calls bounded (time-out, bulkhead, a few
 * retries), minds the system's health, and says of every answer where it is from and how old it is.
 */
import { BulkheadRejectedError, bulkhead, ExponentialBackoff, handleWhen, retry } from "cockatiel";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type AskContext, AskError, type Operation, type Service } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { Refusal } from "../skills/backoffice/index.ts";
import { operationOf } from "../skills/inventory.ts";
import type { AnySkill } from "../skills/skill.ts";
import type { Connector, ConnectorAnswer, ConnectorCall } from "./connector.ts";
import { Health, type HealthOptions } from "./health.ts";
import type { WriteJournal } from "./write-journal.ts";

export interface AgentOptions {
  readonly clock?: Clock;
  readonly health?: HealthOptions;
  /** One attempt of a read. Default 2,000 ms. */
  readonly readTimeoutMs?: number;
  /** One attempt of a write. Default 5,000 ms. */
  readonly writeTimeoutMs?: number;
  /** Further attempts of a read, or of a write where the system honours keys. Default 2. */
  readonly retries?: number;
  /** First pause between attempts; doubled with jitter. Default 50 ms. */
  readonly backoffMs?: number;
  /** Calls under way at once. Default 64. */
  readonly concurrency?: number;
  /** Calls that wait for one of those to end. Default 256. */
  readonly queue?: number;
}

const DEFAULTS = {
  readTimeoutMs: 2_000,
  writeTimeoutMs: 5_000,
  retries: 2,
  backoffMs: 50,
  concurrency: 64,
  queue: 256,
};

/** Codes with which a healthy system says no. */
const REFUSED = new Set(["not_found", "forbidden", "conflict", "invalid"]);

export function dataAgent(
  system: string,
  skills: readonly AnySkill[],
  connector: Connector,
  journal: WriteJournal | undefined,
  options: AgentOptions = {},
): Service {
  if (!connector.honoursKeys && !journal)
    throw new Error(`${system} does not honour keys, so what is written there has to be noted in a journal`);
  const o = { ...DEFAULTS, ...options };
  const clock = options.clock ?? systemClock;
  const health = new Health(options.health);
  const bulk = bulkhead(o.concurrency, o.queue);
  const retrying = retry(
    handleWhen((error) => error instanceof AskError && error.retryable && health.state !== "open"),
    {
      maxAttempts: o.retries,
      backoff: new ExponentialBackoff({ initialDelay: o.backoffMs, maxDelay: 1_000 }),
    },
  );

  /** One attempt: admitted by the health, cut off by the time-out, and its end told to the health. */
  async function attempt<T>(
    what: string,
    timeoutMs: number,
    signal: AbortSignal,
    call: Attempt<T>,
  ): Promise<T> {
    if (!health.admit()) {
      throw new AskError("unavailable", `${system} is not answering and is left alone for a while`, true);
    }
    const cutter = new AbortController();
    const cut = cutter.signal;
    // Not AbortSignal.any with AbortSignal.timeout: Node 20 may collect such a signal before it fires.
    const cutOff = () => cutter.abort(signal.reason);
    const timer = setTimeout(() => cutter.abort(), timeoutMs);
    signal.addEventListener("abort", cutOff, { once: true });
    if (signal.aborted) cutOff();
    try {
      const value = await raced(call(cut), cut);
      health.ok();
      return value;
    } catch (error) {
      if (error instanceof AskError && REFUSED.has(error.code)) {
        health.ok();
        throw error;
      }
      const failure =
        error instanceof AskError
          ? error
          : cut.aborted
            ? new AskError("timeout", `${what} did not answer within ${timeoutMs} ms`, true)
            : new AskError("failed", `${what} failed`, true);
      health.failed(failure.code);
      throw failure;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", cutOff);
    }
  }

  async function perform(skill: AnySkill, input: JsonObject, context: AskContext): Promise<ConnectorAnswer> {
    const timeoutMs = skill.effect === "read" ? o.readTimeoutMs : o.writeTimeoutMs;
    const call = (signal: AbortSignal): ConnectorCall => ({
      key: context.idempotencyKey,
      now: clock.now(),
      signal,
    });
    const once = (signal: AbortSignal) =>
      attempt(skill.name, timeoutMs, signal, (cut) => connector.execute(skill, input, call(cut)));
    if (skill.effect === "read" || connector.honoursKeys) {
      return retrying.execute(({ signal }) => once(signal), context.signal);
    }
    const lookup = connector.lookup?.bind(connector);
    return journal!.write(system, skill.name, context.idempotencyKey, clock.now(), {
      again: context.again,
      mayAct: context.mayAct,
      write: () => once(context.signal),
      ...(lookup
        ? {
            lookup: () =>
              retrying.execute(
                ({ signal }) =>
                  attempt(`${system}.lookup`, o.readTimeoutMs, signal, (cut) =>
                    lookup(context.idempotencyKey, call(cut)),
                  ),
                context.signal,
              ),
          }
        : {}),
    });
  }

  const operationFor =
    (skill: AnySkill): Operation =>
    async (raw, context) => {
      const parsed = skill.input.safeParse(raw ?? {});
      if (!parsed.success) throw invalidInput(skill.name, parsed.error.issues);
      try {
        const answer = await bulk.execute(() => perform(skill, parsed.data as JsonObject, context));
        const asOf = answer.asOf ?? clock.now();
        return {
          ...answer.value,
          provenance: {
            system,
            asOf: new Date(asOf).toISOString(),
            ageMs: Math.max(0, clock.now() - asOf),
          },
        };
      } catch (error) {
        if (error instanceof BulkheadRejectedError) {
          throw new AskError("unavailable", `${system} has too many calls waiting`, true);
        }
        throw error;
      }
    };

  const lookup: Operation = async ({ key }, context) => {
    if (typeof key !== "string" || key === "")
      throw new Refusal("invalid", "key_missing", "lookup needs a key");
    const known = connector.lookup
      ? await attempt(`${system}.lookup`, o.readTimeoutMs, context.signal, (signal) =>
          connector.lookup!(key, { key, now: clock.now(), signal }),
        )
      : await journal?.lookup(key);
    return { ...(known ?? { found: false }) };
  };

  /** A person says what came of a write whose outcome was unknown: {key, done, result?}. */
  const resolve: Operation = async ({ key, done, result }) => {
    if (typeof key !== "string" || typeof done !== "boolean") {
      throw new Refusal("invalid", "bad_input", "resolve needs key (text) and done (true or false)");
    }
    return { resolved: (await journal?.resolve(key, done, result)) ?? false };
  };

  return {
    name: system,
    operations: Object.fromEntries([
      ["lookup", lookup],
      ["resolve", resolve],
      ...skills.map((skill) => [operationOf(skill.name), operationFor(skill)] as const),
    ]),
    repeatable: skills.filter(({ effect }) => effect === "read").map(({ name }) => operationOf(name)),
    health: () => ({
      ...health.describe(),
      connector: connector.kind,
      underWay: o.concurrency - bulk.executionSlots,
      waiting: o.queue - bulk.queueSlots,
    }),
    stop: async () => health.stop(),
  };
}

type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/** Ends with the signal even when the work does not. */
function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function invalidInput(
  skill: string,
  issues: readonly { path: readonly PropertyKey[]; message: string }[],
): Refusal {
  const { path, message } = issues[0]!;
  return new Refusal(
    "invalid",
    "bad_input",
    `${skill}: ${path.map(String).join(".") || "input"}: ${message}`,
  );
}
