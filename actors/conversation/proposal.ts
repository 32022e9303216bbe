/**
 * What a model proposes, and what of it is let through: nothing is said or done that was not looked at here. A call that is refused
 * is answered to the model like any other, so that it can do better.
 */
import { canonicalJson, type JsonObject } from "../../runtime/json.ts";
import type { TaskSkill } from "../task/context.ts";

/** Limits of an agentic conversation. */
export interface AgentLimits {
  /** Proposals in one turn; then a person takes over. */
  readonly steps: number;
  /** Calls in one proposal; those beyond are refused. */
  readonly calls: number;
  /** How long one turn may take, ms. */
  readonly turnMs: number;
  /** How long the model may take for one proposal, ms. */
  readonly proposeMs: number;
  /** Characters of a reply. */
  readonly replyChars: number;
  /** Bytes of a call's arguments as JSON. */
  readonly argumentBytes: number;
  /** Characters of a result that the model is shown. */
  readonly resultChars: number;
  /** What is said has to be held by what skills have answered; where it is not, the model is told so and tries again. */
  readonly grounded: boolean;
  /** Characters of the conversation that the model is shown; of a longer one the latest half of it. */
  readonly threadChars: number;
}

export const AGENT_LIMITS: AgentLimits = {
  steps: 12,
  calls: 8,
  turnMs: 120_000,
  proposeMs: 20_000,
  replyChars: 8_000,
  argumentBytes: 16_384,
  resultChars: 8_000,
  grounded: true,
  threadChars: 48_000,
};

/** What the conversation does itself, as far as a model may ask for it. */
export const OWN_SKILLS: Readonly<Record<string, TaskSkill>> = {
  "desk.verify": {
    effect: "read",
    honoursKeys: true,
    inputs: { required: [], optional: ["email", "postcode", "order", "name"] },
  },
  "desk.knowledge": {
    effect: "read",
    honoursKeys: true,
    inputs: { required: ["question"], optional: [] },
  },
  "desk.handoff": {
    effect: "read",
    honoursKeys: true,
    inputs: { required: ["summary"], optional: [] },
  },
};

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export interface ProposedCall {
  readonly name: string;
  readonly arguments: JsonObject;
  /** Why it is not carried out. */
  readonly refused?: Refusal;
}

export interface Proposal {
  /** What is said first; empty: nothing. */
  readonly text: string;
  /** In the order in which they are carried out. */
  readonly calls: readonly ProposedCall[];
}

export interface Allowed {
  /** Names of skills. */
  readonly skills: readonly string[];
  readonly limits: AgentLimits;
  readonly known: { get(name: string): TaskSkill | undefined };
}

/** @returns a text where it is no proposal at all */
export function checkProposal(value: unknown, allowed: Allowed): Proposal | string {
  const { text = "", calls = [] } = (value ?? {}) as { text?: unknown; calls?: unknown };
  if (typeof text !== "string") return "its text is no text";
  if (!Array.isArray(calls)) return "its calls are no list";
  if (text.length > allowed.limits.replyChars)
    return `its text of ${text.length} characters is longer than ${allowed.limits.replyChars}`;
  if (text.trim() === "" && calls.length === 0) return "it says and does nothing";
  return { text: text.trim() === "" ? "" : text, calls: calls.map((call, n) => checked(call, n, allowed)) };
}

function checked(value: unknown, n: number, allowed: Allowed): ProposedCall {
  const { name, arguments: given } = (value ?? {}) as { name?: unknown; arguments?: unknown };
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  const call = {
    name: typeof name === "string" ? name : "",
    arguments: (isObject ? given : {}) as JsonObject,
  };
  const refused = refusal(call, isObject, n, allowed);
  return refused ? { ...call, refused } : call;
}

function refusal(
  { name, arguments: given }: ProposedCall,
  isObject: boolean,
  n: number,
  { skills, limits, known }: Allowed,
): Refusal | undefined {
  if (n >= limits.calls)
    return { code: "too_many_calls", message: `at most ${limits.calls} calls are made at once` };
  const own = Object.hasOwn(OWN_SKILLS, name) ? OWN_SKILLS[name] : undefined;
  const skill = skills.includes(name) ? (own ?? known.get(name)) : undefined;
  if (!skill) return { code: "unknown_skill", message: `there is no skill ${name || "without a name"}` };
  if (!isObject) return { code: "invalid", message: "arguments have to be an object" };
  const bytes = Buffer.byteLength(canonicalJson(given));
  if (bytes > limits.argumentBytes)
    return { code: "too_large", message: `arguments have ${bytes} bytes, more than ${limits.argumentBytes}` };
  const { required, optional } = skill.inputs ?? { required: [], optional: [] };
  // Whose records they are is the conversation's to say.
  const missing = required.filter((input) => input !== "customerId" && !Object.hasOwn(given, input));
  if (missing.length > 0) return { code: "invalid", message: `${missing.join(", ")}: missing` };
  const unknown = Object.keys(given).filter(
    (input) => !required.includes(input) && !optional.includes(input),
  );
  if (skill.inputs && unknown.length > 0)
    return { code: "invalid", message: `${unknown.join(", ")}: not known to ${name}` };
  return undefined;
}
