/**
 * Recorded runs of other agents, as JSON lines: what the customer wrote, what the agent's model put out, what its tools answered.
 * Results belong to calls by their position; a run that does not fit together is read up to where it does not.
 */
import { createReadStream, existsSync } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { UsageError } from "../../runtime/config/errors.ts";
import type { JsonObject } from "../../runtime/json.ts";

export interface RunCall {
  readonly name: string;
  readonly arguments: JsonObject;
  readonly result: { readonly content: string; readonly error?: true };
}

/** `message`: place among the run's messages, from 0. */
export type RunStep =
  | { readonly kind: "says"; readonly message: number; readonly at: number; readonly text: string }
  /** On the customer's side: nothing that the desk hears of. */
  | {
      readonly kind: "acts";
      readonly message: number;
      readonly at: number;
      readonly text: string;
      readonly calls: readonly RunCall[];
    }
  /** What the model put out. */
  | {
      readonly kind: "proposes";
      readonly message: number;
      readonly at: number;
      readonly text: string;
      readonly calls: readonly RunCall[];
    };

export interface AgentRun {
  /** `<domain>-<task>-<line>`. */
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly domain: string;
  /** Model that it was recorded with. */
  readonly agent: string;
  readonly steps: readonly RunStep[];
  /** Where it does not fit together. */
  readonly flaw?: { readonly message: number; readonly what: string };
}

const callShape = z.looseObject({
  id: z.string(),
  name: z.string().min(1),
  arguments: z.record(z.string(), z.unknown()),
});
const messageShape = z.looseObject({
  role: z.enum(["assistant", "user", "tool"]),
  content: z.string().nullish(),
  tool_calls: z.array(callShape).nullish(),
  id: z.string().optional(),
  error: z.boolean().nullish(),
  timestamp: z.string().nullish(),
});
const runShape = z.looseObject({
  domain: z.string().regex(/^[a-z][a-z0-9_]*$/, "a word of small letters, digits and _"),
  task_id: z.union([z.string(), z.number()]).transform(String),
  agent_llm: z.string().default("unknown"),
  messages: z.array(messageShape).min(1),
});
type Message = z.output<typeof messageShape>;
type Call = z.output<typeof callShape>;

/** Between messages that do not say when they were written, ms. */
const BETWEEN_MS = 1_000;

/** @throws UsageError with file and line */
export async function readAgentRuns(file: string): Promise<AgentRun[]> {
  if (!existsSync(file)) throw new UsageError(`${file} does not exist`);
  const runs: AgentRun[] = [];
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity })) {
    line++;
    if (text.trim() !== "") runs.push(runOf(text, file, line));
  }
  if (runs.length === 0)
    throw new UsageError(`${file}: is empty: --format tau2 reads JSON lines, a run each`);
  return runs;
}

function runOf(text: string, file: string, line: number): AgentRun {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file}:${line}: is no JSON (${(error as Error).message})`);
  }
  const parsed = runShape.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new UsageError(`${file}:${line}: ${path.map(String).join(".") || "the line"}: ${message}`);
  }
  const { domain, task_id: task, agent_llm: agent, messages } = parsed.data;
  const id = `${domain}-${task}-${line}`.replaceAll(/[^A-Za-z0-9_.-]+/g, "_");
  return { id, file: basename(file), line, domain, agent, ...stepsOf(messages) };
}

/** Whose turn it is. */
type Next = "agent" | "customer";

class Flaw extends Error {
  /** @param place of the message */
  constructor(
    readonly place: number,
    what: string,
  ) {
    super(what);
  }
}

function stepsOf(messages: readonly Message[]): Pick<AgentRun, "steps" | "flaw"> {
  const steps: RunStep[] = [];
  let at = 0;
  /** Anything comes first: a customer, or an agent that greets. */
  let next: Next | undefined;
  try {
    for (let n = 0; n < messages.length; ) {
      const message = messages[n]!;
      const { role, content, tool_calls } = message;
      at = timeOf(message, at);
      if (role === "tool") throw new Flaw(n, "a result of no call");
      const text = content?.trim() ? content : "";
      const results = resultsOf(tool_calls ?? [], messages, n);
      const calls = results.calls;
      if (role === "assistant") {
        if (next === "customer") throw new Flaw(n, "the agent speaks again before the customer has");
        if (text === "" && calls.length === 0) throw new Flaw(n, "an output that says and does nothing");
        steps.push({ kind: "proposes", message: n, at, text, calls });
        next = calls.length > 0 ? "agent" : "customer";
      } else {
        if (next === "agent") throw new Flaw(n, "the customer writes where the model had an output");
        if (calls.length > 0) steps.push({ kind: "acts", message: n, at, text, calls });
        else {
          steps.push({ kind: "says", message: n, at, text });
          next = "agent";
        }
      }
      if (results.flaw) throw results.flaw;
      n += 1 + calls.length;
    }
  } catch (error) {
    if (!(error instanceof Flaw)) throw error;
    return { steps, flaw: { message: error.place, what: error.message } };
  }
  return { steps };
}

/** The results of calls, which follow them in their order. The last calls of a run that was cut off have none. */
function resultsOf(
  calls: readonly Call[],
  messages: readonly Message[],
  from: number,
): { calls: RunCall[]; flaw?: Flaw } {
  const found: RunCall[] = [];
  for (const [i, { id, name, arguments: given }] of calls.entries()) {
    const n = from + 1 + i;
    const answer = messages[n];
    if (answer?.role !== "tool") return { calls: found, flaw: new Flaw(n, `no result of ${name}`) };
    if (answer.id !== undefined && answer.id !== id)
      return {
        calls: found,
        flaw: new Flaw(n, `the result of ${name} is that of another call (${answer.id}, not ${id})`),
      };
    const result = { content: answer.content ?? "", ...(answer.error ? { error: true as const } : {}) };
    found.push({ name, arguments: given as JsonObject, result });
  }
  return { calls: found };
}

function timeOf({ timestamp }: Message, before: number): number {
  const read = timestamp
    ? Date.parse(/Z|[+-]\d\d:?\d\d$/.test(timestamp) ? timestamp : `${timestamp}Z`)
    : Number.NaN;
  return Number.isNaN(read) ? before + BETWEEN_MS : Math.max(before, read);
}
