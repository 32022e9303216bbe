/** When a person is asked, and when a conversation goes to one whatever the machine thinks: the section `escalation`, and an arm's. */
import { z } from "zod";

/** Hand-offs of a higher priority come first. */
export const PRIORITIES = ["urgent", "high", "normal", "low"] as const;

const topic = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/, "must be a name of small letters, digits and _"),
  /** Words or phrases, any case; each counts at word boundaries. */
  phrases: z.array(z.string().min(3)).min(1),
  priority: z.enum(PRIORITIES).default("high"),
  /** What the customer is told when the conversation is passed on. */
  sentence: z.string().min(1),
});

const approval = z.strictObject({
  /** Skill whose use needs a person above the limit. */
  skill: z.string().regex(/^[a-z_]+\.[a-z_]+$/, "must be a skill such as billing.refund"),
  /** Amounts above it; 0: always. In the currency of the records. */
  above: z.number().min(0),
  /** Input of the skill that holds the amount. */
  field: z.string().min(1).default("amount"),
});

/** What is left out is as it is otherwise; a list that is given replaces the other. */
export const escalationRules = z.strictObject({
  /** Messages in anger before a person takes over; 2. */
  angryMessages: z.number().int().min(1).optional(),
  /** Messages in a row that were not understood before a person takes over; `dialog.maxClarify`. */
  unsureMessages: z.number().int().min(1).optional(),
  /** Failed verifications before a person takes over; `verification.maxAttempts`. */
  verificationFailures: z.number().int().min(1).optional(),
  /** Customers (ids of the CRM) whose hand-offs are served first; nobody. */
  vip: z.array(z.string().min(1)).optional(),
  /** What a person takes over at once; by default harm to oneself, the law, safety, and data protection. */
  topics: z.array(topic).optional(),
  /** Writes that a person approves; playbooks ask for approvals of their own besides. */
  approvals: z.array(approval).optional(),
});

export type EscalationRules = z.output<typeof escalationRules>;
