/**
 * Escalation rules: when a person has to be asked, and when a conversation goes to one whatever the machine thinks.
 * They are configuration (section `escalation` of `bailiwick.yaml`, or a YAML file of the same shape) and are read by
 * the conversation as pure functions. Which capability may touch what is the policy plane's and not decided here.
 */
import { parse } from "yaml";
import { z } from "zod";
import { hashJson, type JsonObject } from "../../runtime/json.ts";

/** Hand-offs of a higher priority come first. */
export const PRIORITIES = ["urgent", "high", "normal", "low"] as const;
export type Priority = (typeof PRIORITIES)[number];

const topicSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/, "a name of small letters, digits and _"),
  /** Words or phrases, any case; each counts at word boundaries. */
  phrases: z.array(z.string().min(3)).min(1),
  priority: z.enum(PRIORITIES).default("high"),
  /** What the customer is told when the conversation is passed on. */
  sentence: z.string().min(1),
});

const approvalSchema = z.strictObject({
  /** Skill whose use needs a person above the limit. */
  skill: z.string().regex(/^[a-z_]+\.[a-z_]+$/, "a skill such as billing.refund"),
  /** Amounts above it; 0: always. In the currency of the records. */
  above: z.number().min(0),
  /** Input of the skill that holds the amount. */
  field: z.string().default("amount"),
});

export const policySchema = z.strictObject({
  /** Messages in anger before a person takes over. */
  angryMessages: z.number().int().min(1).default(2),
  /** Messages in a row that were not understood before a person takes over. */
  unsureMessages: z.number().int().min(1).default(2),
  /** Failed verifications before a person takes over. */
  verificationFailures: z.number().int().min(1).default(3),
  /** Customers (ids of the CRM) whose hand-offs are served first. */
  vip: z.array(z.string()).default([]),
  topics: z.array(topicSchema).default([]),
  approvals: z.array(approvalSchema).default([]),
});
export type Policy = z.infer<typeof policySchema>;

const DEFAULT_TOPICS: z.input<typeof topicSchema>[] = [
  {
    name: "self_harm",
    phrases: [
      "kill myself",
      "end my life",
      "suicide",
      "suicidal",
      "hurt myself",
      "harm myself",
      "don't want to live",
    ],
    priority: "urgent",
    sentence:
      "I'm sorry that you're feeling this way. I'm bringing in a colleague right now, who will talk to you here. If you are in danger, please call your local emergency number at once.",
  },
  {
    name: "legal",
    phrases: [
      "my lawyer",
      "my attorney",
      "my solicitor",
      "legal action",
      "take you to court",
      "sue you",
      "small claims",
      "press charges",
    ],
    priority: "high",
    sentence:
      "I understand that this is serious. I'm passing you on to a colleague who is responsible for such matters and will answer you here.",
  },
  {
    name: "safety",
    phrases: ["caught fire", "electric shock", "exploded", "got injured", "burned me", "burnt me"],
    priority: "urgent",
    sentence:
      "I'm sorry to hear that, and I hope you are all right. Please stop using the item. I'm bringing in a colleague at once, who will answer you here.",
  },
  {
    name: "data_protection",
    phrases: ["gdpr request", "delete all my data", "erase all my data", "data protection officer"],
    priority: "normal",
    sentence:
      "Requests about your personal data are handled by a colleague. I'm passing you on; you'll get the answer here.",
  },
];

/** The rules of a desk whose configuration says nothing. */
export const DEFAULT_POLICY: Policy = policySchema.parse({ topics: DEFAULT_TOPICS });

export class PolicyError extends Error {
  override readonly name = "PolicyError";
}

/**
 * Rules from YAML text or an object. What is not given has its default.
 * @throws PolicyError that names file, field and what is wanted
 */
export function readPolicy(source: string | JsonObject, where = "escalation rules"): Policy {
  let value: unknown;
  try {
    value = typeof source === "string" ? (parse(source) ?? {}) : source;
  } catch (error) {
    throw new PolicyError(`${where}: not valid YAML: ${(error as Error).message}`);
  }
  const result = policySchema.safeParse({ topics: DEFAULT_TOPICS, ...(value as object) });
  if (result.success) return result.data;
  const first = result.error.issues[0]!;
  throw new PolicyError(`${where}: ${first.path.join(".") || "document"}: ${first.message}`);
}

export function policyDigest(policy: Policy): string {
  return hashJson(policy).slice(0, 16);
}

export type Topic = Policy["topics"][number];

const APOSTROPHES = /[\u2018\u2019\u02bc]/g;

/** The first topic of the rules that a text touches. */
export function topicOf(policy: Policy, text: string): Topic | undefined {
  const plain = ` ${text
    .toLowerCase()
    .replace(APOSTROPHES, "'")
    .replace(/[^\p{L}\p{N}']+/gu, " ")} `;
  return policy.topics.find((topic) =>
    topic.phrases.some((phrase) =>
      plain.includes(` ${phrase.toLowerCase().replace(/[^\p{L}\p{N}']+/gu, " ")} `),
    ),
  );
}

/** Which rule wants a person's approval for these writes; undefined when none does. */
export function approvalRule(
  policy: Policy,
  steps: readonly { readonly skill: string; readonly input: JsonObject }[],
): { readonly skill: string; readonly amount: number | undefined } | undefined {
  for (const step of steps) {
    const rule = policy.approvals.find((candidate) => candidate.skill === step.skill);
    if (!rule) continue;
    const amount = step.input[rule.field];
    // An amount that cannot be read is not an amount below the limit.
    if (typeof amount !== "number" || amount > rule.above || rule.above === 0) {
      return { skill: rule.skill, amount: typeof amount === "number" ? amount : undefined };
    }
  }
  return undefined;
}

const REASONS: Readonly<Record<string, Priority>> = { angry: "high", error: "high", approval: "normal" };

/** How urgent a hand-off is. */
export function priorityOf(
  policy: Policy,
  handoff: { readonly reason: string; readonly customerId?: string; readonly topic?: Topic },
): Priority {
  const own = handoff.topic?.priority ?? REASONS[handoff.reason] ?? "normal";
  const vip = handoff.customerId !== undefined && policy.vip.includes(handoff.customerId);
  return vip && PRIORITIES.indexOf(own) > PRIORITIES.indexOf("high") ? "high" : own;
}
