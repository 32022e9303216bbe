/**
 * Escalation rules: when a person has to be asked, and when a conversation goes to one whatever the machine thinks. They are
 * configuration (section `escalation`, or an experiment's arm) and are read by the conversation as pure functions. Which capability may
 * touch what is the policy plane's and not decided here.
 */
import { type EscalationRules, PRIORITIES } from "../../runtime/config/escalation.ts";
import type { JsonObject } from "../../runtime/json.ts";

export { PRIORITIES };
export type Priority = (typeof PRIORITIES)[number];
export type Policy = Required<EscalationRules>;
export type Topic = Policy["topics"][number];

const DEFAULT_TOPICS: Topic[] = [
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
export const DEFAULT_POLICY: Policy = {
  angryMessages: 2,
  unsureMessages: 2,
  verificationFailures: 3,
  vip: [],
  topics: DEFAULT_TOPICS,
  approvals: [],
};

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
