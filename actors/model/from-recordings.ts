/**
 * A model that says what one said in recordings: to the same question the same answer, to the same customer's words the same proposals,
 * one after the other. What no recording has is unavailable, and the desk goes on as it does without a model.
 */
import { z } from "zod";
import { AskError, type Operation, type Service } from "../../runtime/host/service.ts";
import { hashJson, type JsonObject } from "../../runtime/json.ts";
import { checked } from "./input.ts";
import { Threads } from "./threads.ts";

/** A call of a model agent, as a recording has it. */
export interface RecordedCall {
  readonly operation: string;
  readonly input: JsonObject;
  readonly value: JsonObject;
}

const answerInput = z.object({ question: z.string() });
const digestInput = z.object({ turns: z.array(z.object({ role: z.string(), text: z.string() })) });
const proposeInput = z.object({
  conversation: z.string(),
  from: z.number().int().min(0),
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
  whole: z.boolean().default(false),
});

/** How far a conversation is: that makes it the same, and not what the desk's tools have answered. */
interface Place {
  /** What the customer has said. */
  readonly said: string[];
  /** Proposals that were made before. */
  proposed: number;
}

const newThreads = () =>
  new Threads<Place, z.output<typeof proposeInput>>(
    () => ({ said: [], proposed: 0 }),
    (place, { messages }) => {
      place.said.push(...messages.filter(({ role }) => role === "user").map(({ content }) => content));
      place.proposed += messages.filter(({ role }) => role === "assistant").length;
    },
  );

const ASKED: Readonly<Record<string, (input: unknown, threads: ReturnType<typeof newThreads>) => unknown>> = {
  answer: (input) => checked(answerInput, input as JsonObject).question.trim(),
  digest: (input) => checked(digestInput, input as JsonObject).turns,
  propose: (input, threads) => threads.told(checked(proposeInput, input as JsonObject)),
};

/** @param calls of each conversation in the order in which they were made; of what was asked twice the later counts */
export function recordedModel(calls: Iterable<RecordedCall>): Service {
  const answers = new Map<string, JsonObject>();
  const keyOf = (operation: string, input: unknown, threads: ReturnType<typeof newThreads>): string =>
    hashJson([operation, ASKED[operation]!(input, threads)]);
  const recorded = newThreads();
  for (const { operation, input, value } of calls) {
    if (!ASKED[operation]) continue;
    const { modelMs: _, ...said } = value;
    answers.set(keyOf(operation, input, recorded), said);
  }
  const threads = newThreads();
  let missing = 0;
  const operation =
    (name: string): Operation =>
    async (input) => {
      const found = answers.get(keyOf(name, input, threads));
      if (found) return found;
      missing++;
      throw new AskError("unavailable", "no recording has what a model says to that");
    };
  const none: Operation = async () => {
    throw new AskError("unavailable", "recordings have no such call");
  };
  return {
    name: "model",
    operations: {
      ...Object.fromEntries(Object.keys(ASKED).map((name) => [name, operation(name)])),
      chat: none,
      embed: none,
      models: async () => ({ models: ["recorded"] }),
    },
    health: () => ({ state: "up", provider: "recorded", model: "recorded", answers: answers.size, missing }),
  };
}
