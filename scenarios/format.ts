/**
 * Scenarios written by hand: `*.scenario.yaml`. What is given, what people and systems do, what is expected after it.
 *
 *     name: order-status.found
 *     playbook: order-status
 *     given:
 *       records:
 *         orders: [{ id: W9000001, customerId: scn-ada, status: delivered, deliveredAt: -3d, … }]
 *     steps:
 *       - customer: Where is W9000001? I am ada@example.com.
 *         expect:
 *           reply: [W9000001, delivered]
 *           skill: orders.get
 *           outcome: resolved
 *
 * Dates of records and texts may be relative to the start of the run: `-3d`, `+2h` as a value, `{{ date -3d }}` in text.
 */
import { z } from "zod";

/** `10s`, `15m`, `2h`, `3d` as milliseconds. */
export function parseDuration(text: string): number | undefined {
  const match = /^([+-]?\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  if (!match) return undefined;
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as "ms"];
  return Number(match[1]) * unit;
}

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? -1) >= 0, "is a duration such as 10s, 15m, 2h or 3d");

/** A word or sentence that has to occur (case does not matter), or `/regular expression/`. */
const pattern = z.string().min(1);
const patterns = z.union([pattern, z.array(pattern)]);

const skillExpectation = z.union([
  z.string(),
  z.strictObject({
    name: z.string(),
    /** Members that the input has to have. */
    input: z.record(z.string(), z.unknown()).optional(),
    /** `done`, or the code that it failed with. */
    result: z.string().optional(),
    /** Exactly so often in the conversation so far. */
    times: z.number().int().min(0).optional(),
  }),
]);

export const expectation = z.strictObject({
  /** Each has to occur in the replies of the step, taken together. */
  reply: patterns.optional(),
  /** None may occur. */
  not: patterns.optional(),
  /** Number of replies in the step. */
  replies: z.number().int().min(0).optional(),
  skill: z.union([skillExpectation, z.array(skillExpectation)]).optional(),
  /** Values among the slots, by name. */
  slot: z.record(z.string(), z.unknown()).optional(),
  state: z.string().optional(),
  playbook: z.string().nullable().optional(),
  verified: z.boolean().optional(),
  /** Reason of the hand-off, or `none`. */
  handoff: z.string().optional(),
  outcome: z.enum(["resolved", "handed_off", "abandoned", "none"]).optional(),
  /** Records of the back office after the step: collection → id → members. */
  records: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.unknown()))).optional(),
  /** Time from the message to its first reply. Reported, and held against only where a bench asks. */
  within: duration.optional(),
});

const expects = { expect: expectation.optional() };

export const step = z.union([
  z.strictObject({ customer: z.string(), ...expects }),
  /** Several messages at once, without waiting for replies in between. */
  z.strictObject({ customerAtOnce: z.array(z.string()).min(2), ...expects }),
  /** The same message sent again, as a client does that got no answer. */
  z.strictObject({ customerAgain: z.string(), ...expects }),
  z.strictObject({ satisfaction: z.number().int().min(1).max(5), ...expects }),
  z.strictObject({
    agent: z.union([
      z.literal("accept"),
      z.literal("approve"),
      z.literal("decline"),
      z.strictObject({ say: z.string() }),
      z.strictObject({
        return: z.strictObject({ summary: z.string(), instruction: z.string().default("") }),
      }),
    ]),
    ...expects,
  }),
  z.strictObject({ time: duration, ...expects }),
  z.strictObject({
    fail: z.strictObject({ system: z.string(), mode: z.enum(["down", "slow", "error"]).default("down") }),
    ...expects,
  }),
  z.strictObject({ restore: z.string(), ...expects }),
]);

export const scenarioSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, "small letters, digits, dots and dashes"),
  description: z.string().optional(),
  /** Playbook that it exercises, for coverage. */
  playbook: z.string().optional(),
  /** How the playbook ends in it, for coverage. */
  ends: z.enum(["success", "failure"]).optional(),
  given: z
    .strictObject({
      channel: z.string().default("chat"),
      customer: z
        .strictObject({
          id: z.string().optional(),
          name: z.string().optional(),
          email: z.string().optional(),
        })
        .optional(),
      /** The channel vouches for the customer. */
      vouched: z.boolean().default(false),
      /** Records that the back office has besides the generated company: collection → records. */
      records: z.record(z.string(), z.array(z.record(z.string(), z.unknown()))).default({}),
      /** An earlier conversation of the same customer, whose facts should be remembered. */
      after: z.array(z.string()).default([]),
    })
    .prefault({}),
  steps: z.array(step).min(1),
});

export type Expectation = z.output<typeof expectation>;
export type ScenarioStep = z.output<typeof step>;
export type Scenario = z.output<typeof scenarioSchema> & {
  /** File it was read from. */
  readonly file: string;
};

/** Whether it moves the clock or fails a system, and so cannot share a desk with others at the same time. */
export function isExclusive(scenario: Scenario): boolean {
  return scenario.steps.some((s) => "time" in s || "fail" in s);
}

/** Resolves `-3d`, `{{ date -3d }}` (2026-11-27) and `{{ month }}` (2026-11) against the start of the run. */
export function resolveTimes<T>(value: T, start: number): T {
  if (typeof value === "string") {
    if (/^[+-]\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(value)) {
      return new Date(start + parseDuration(value)!).toISOString() as T;
    }
    return value.replace(/\{\{\s*(?:date\s+([+-]\S+)|month)\s*\}\}/g, (_, offset: string | undefined) =>
      offset === undefined
        ? new Date(start).toISOString().slice(0, 7)
        : new Date(start + (parseDuration(offset) ?? 0)).toISOString().slice(0, 10),
    ) as T;
  }
  if (Array.isArray(value)) return value.map((v) => resolveTimes(v, start)) as T;
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolveTimes(v, start)])) as T;
  }
  return value;
}
