/**
 * A model that says what one said in recordings: to the same question the same answer, to the same customer's words the same proposals,
 * one after the other. What no recording has is unavailable, and the desk goes on as it does without a model.
 */
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { AskError, type Operation, type Service } from "../../runtime/host/service.ts";
import { hashJson, type JsonObject } from "../../runtime/json.ts";
import { checked } from "./input.ts";

/** A call of a model agent, as a recording has it. */
export interface RecordedCall {
  readonly operation: string;
  readonly input: JsonObject;
  readonly value: JsonObject;
}

/** Conversations of which it is kept how far they are. */
const THREADS = 500;

const answerInput = z.object({ question: z.string() });
const digestInput = z.object({ turns: z.array(z.object({ role: z.string(), text: z.string() })) });
const proposeInput = z.object({
  conversation: z.string(),
  from: z.number().int().min(0),
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
  whole: z.boolean().default(false),
});

/** How far a conversation is that a model leads. */
interface Thread {
  /** Place after the last message. */
  next: number;
  /** What the customer has said. */
  readonly said: string[];
  /** Proposals that were made before. */
  proposed: number;
}

class Threads {
  readonly #threads = new LRUCache<string, Thread>({ max: THREADS });

  /** What is asked for, by what makes it the same: the customer's words so far, and which proposal it is. */
  asked({ conversation, from, messages, whole }: z.output<typeof proposeInput>): unknown {
    let thread = this.#threads.get(conversation);
    const next = from + messages.length;
    if (whole) thread = { next: from, said: [], proposed: 0 };
    if (!thread || (thread.next !== from && thread.next !== next))
      throw new AskError(
        "conflict",
        `thread_unknown: what was said before message ${from} is not known here`,
      );
    this.#threads.set(conversation, thread);
    // Asked again after a crash, it was told these already.
    if (whole || thread.next === from) {
      thread.said.push(...messages.filter(({ role }) => role === "user").map(({ content }) => content));
      thread.proposed += messages.filter(({ role }) => role === "assistant").length;
      thread.next = next;
    }
    const { said, proposed } = thread;
    return { said, proposed };
  }
}

const ASKED: Readonly<Record<string, (input: unknown, threads: Threads) => unknown>> = {
  answer: (input) => checked(answerInput, input as JsonObject).question.trim(),
  digest: (input) => checked(digestInput, input as JsonObject).turns,
  propose: (input, threads) => threads.asked(checked(proposeInput, input as JsonObject)),
};

/** @param calls of each conversation in the order in which they were made; of what was asked twice the later counts */
export function recordedModel(calls: Iterable<RecordedCall>): Service {
  const answers = new Map<string, JsonObject>();
  const keyOf = (operation: string, input: unknown, threads: Threads): string =>
    hashJson([operation, ASKED[operation]!(input, threads)]);
  const recorded = new Threads();
  for (const { operation, input, value } of calls) {
    if (!ASKED[operation]) continue;
    const { modelMs: _, ...said } = value;
    answers.set(keyOf(operation, input, recorded), said);
  }
  const threads = new Threads();
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
