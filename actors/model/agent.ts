/**
 * The model agent: one interface over whichever model server the company has, with budgets, a breaker and a smaller
 * model to fall back to. A model that is missing, slow or broken is `unavailable`, and the desk goes on without.
 */
import { BulkheadRejectedError, bulkhead } from "cockatiel";
import { z } from "zod";
import { type AskContext, AskError, type Operation, type Service } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { Health, type HealthOptions } from "../data/health.ts";
import { digestPrompt, readDigest } from "./digest.ts";
import { checked, otherModel } from "./input.ts";
import { answerPrompt, knownPersonal, Masks, readAnswer } from "./prompt.ts";
import { proposing } from "./propose.ts";
import type { ChatRequest, ChatResult, Provider, ToolDefinition } from "./provider.ts";
import { skillName } from "./tools.ts";

export interface ModelOptions {
  readonly model: string;
  /** Tried with what is left of the budget when the first fails. */
  readonly fallbackModel?: string;
  /** Most that one ask may take, ms. Default 8,000. */
  readonly timeoutMs?: number;
  /** Tokens of one answer. Default 400. */
  readonly maxTokens?: number;
  /** Default 0.2. */
  readonly temperature?: number;
  /** Calls under way at once. Default 2. */
  readonly concurrency?: number;
  /** Calls that wait; more are refused at once. Default 8. */
  readonly queue?: number;
  readonly health?: HealthOptions;
  /** What a model is told of skills that it may ask for. Default: nothing, so it asks for none. */
  readonly tools?: (skills: readonly string[]) => readonly ToolDefinition[];
}

/** Share of the budget that the first model gets where there is a second. */
const FIRST_SHARE = 0.65;
/** A model is looked for at start for so long. */
const LOOK_MS = 2_000;
/** A model may take so long to be read into memory; a chat that is given up meanwhile would stop the reading. */
const LOAD_MS = 180_000;
const TEXTS = 64;

const text = z.string().max(64_000);
const budget = z.number().int().min(1).max(600_000).optional();
const turns = z.array(z.object({ role: z.string(), text }));
const answerInput = z.object({
  question: text.min(1),
  passages: z
    .array(z.object({ id: z.string(), articleId: z.string().optional(), title: z.string().optional(), text }))
    .default([]),
  history: turns.default([]),
  known: knownPersonal,
  model: otherModel,
  budgetMs: budget,
});
const digestInput = z.object({
  turns: turns.min(1),
  known: knownPersonal,
  model: otherModel,
  budgetMs: budget,
});
const chatInput = z.object({
  messages: z
    .array(
      z.object({
        role: z.enum(["system", "user", "assistant", "tool"]),
        content: text,
        toolCalls: z
          .array(z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }))
          .optional(),
        toolName: z.string().optional(),
      }),
    )
    .min(1),
  tools: z
    .array(
      z.object({ name: z.string(), description: z.string(), parameters: z.record(z.string(), z.unknown()) }),
    )
    .optional(),
  maxTokens: z.number().int().min(1).max(32_000).optional(),
  budgetMs: budget,
});
const embedInput = z.object({
  texts: z.array(text).min(1).max(TEXTS),
  model: z.string().optional(),
  budgetMs: budget,
});

export function modelAgent(provider: Provider, options: ModelOptions): Service {
  const o = { timeoutMs: 8_000, maxTokens: 400, temperature: 0.2, concurrency: 2, queue: 8, ...options };
  const newHealth = (): Health =>
    new Health({ openAfter: 3, openMs: 5_000, maxOpenMs: 60_000, ...options.health });
  const health = newHealth();
  /** Of models that some conversations ask instead: one that fails is not to keep others from the desk's own. */
  const others = new Map<string, Health>();
  const healthOf = (model: string | undefined): Health => {
    if (model === undefined || model === o.model) return health;
    const own = others.get(model) ?? newHealth();
    others.set(model, own);
    return own;
  };
  const bulk = bulkhead(o.concurrency, o.queue);
  const tokens = { prompt: 0, completion: 0 };
  let found: string[] | undefined;
  const ended = new AbortController();
  let loading = false;

  /** In the background, one at a time: nobody waits for it, and a failure shows when somebody asks. */
  function load(): void {
    if (!provider.load || loading || ended.signal.aborted) return;
    loading = true;
    timed(ended.signal, LOAD_MS, (signal) => provider.load!(o.model, signal))
      .catch(() => {})
      .finally(() => {
        loading = false;
      });
  }

  /** Runs within the budget; whatever goes wrong is `unavailable`. */
  async function within<T>(
    context: AskContext,
    budgetMs: number | undefined,
    call: (signal: AbortSignal, leftMs: () => number) => Promise<T>,
  ): Promise<T> {
    const end =
      Date.now() + Math.min(budgetMs ?? o.timeoutMs, o.timeoutMs, Math.max(1, context.deadline - Date.now()));
    const leftMs = () => end - Date.now();
    try {
      return await bulk.execute(() => timed(context.signal, leftMs(), (signal) => call(signal, leftMs)));
    } catch (error) {
      if (error instanceof AskError) throw error;
      const why = error instanceof BulkheadRejectedError ? "has too much to do" : "did not answer";
      throw new AskError("unavailable", `the model ${why}`, true);
    }
  }

  /** One call, admitted by the health of its model, which is told how it went. */
  async function attempt<T>(call: () => Promise<T>, model?: string): Promise<T> {
    const asked = healthOf(model);
    if (!asked.admit()) throw new AskError("unavailable", "the model is left alone for a while", true);
    try {
      const value = await call();
      asked.ok();
      return value;
    } catch (error) {
      const late = (error as Error).name !== "ProviderError";
      asked.failed(late ? "timeout" : "error");
      if (late && asked === health) load();
      throw error;
    }
  }

  async function chat(
    request: Omit<ChatRequest, "model"> & { readonly model?: string },
    signal: AbortSignal,
    leftMs: () => number,
  ): Promise<ChatResult & { model: string; modelMs: number }> {
    const begun = performance.now();
    const models = [request.model ?? o.model, ...(o.fallbackModel ? [o.fallbackModel] : [])];
    let failure: unknown;
    for (const [n, model] of models.entries()) {
      const share = n < models.length - 1 ? leftMs() * FIRST_SHARE : leftMs();
      if (share <= 0 || signal.aborted) break;
      try {
        const result = await attempt(
          () => timed(signal, share, (cut) => provider.chat({ ...request, model }, cut)),
          request.model,
        );
        tokens.prompt += result.promptTokens ?? 0;
        tokens.completion += result.completionTokens ?? 0;
        return { ...result, model, modelMs: Math.round((performance.now() - begun) * 1_000) / 1_000 };
      } catch (error) {
        failure = error;
      }
    }
    throw failure ?? new AskError("unavailable", "the model did not answer in time", true);
  }

  const answer: Operation = async (raw, context) => {
    const { question, passages, history, known, model, budgetMs } = checked(answerInput, raw);
    const masks = new Masks(known);
    const messages = answerPrompt(question, passages, history, masks);
    const { maxTokens, temperature } = o;
    const result = await within(context, budgetMs, (signal, leftMs) =>
      chat({ model, messages, maxTokens, temperature }, signal, leftMs),
    );
    const read = readAnswer(result.text, passages, masks);
    if (!read) throw new AskError("not_found", "no_answer: the model has no answer to that");
    return { ...read, citations: read.citations, model: result.model, modelMs: result.modelMs };
  };

  /** Customers who wait for an answer come first: it takes a free place or none. */
  const digest: Operation = async (raw, context) => {
    const input = checked(digestInput, raw);
    if (bulk.executionSlots === 0)
      throw new AskError("unavailable", "the model has customers to answer", true);
    const masks = new Masks(input.known);
    const messages = digestPrompt(input.turns, masks);
    const { maxTokens, temperature } = o;
    const { model } = input;
    const result = await within(context, input.budgetMs, (signal, leftMs) =>
      chat({ model, messages, maxTokens, temperature }, signal, leftMs),
    );
    const read = readDigest(result.text, input.turns, masks);
    if (!read) throw new AskError("not_found", "no_digest: the model did not sum it up as it was asked");
    return {
      ...read,
      facts: read.facts.map((fact) => ({ ...fact })),
      model: result.model,
      modelMs: result.modelMs,
    };
  };

  const chatting: Operation = async (raw, context) => {
    const { messages, tools, maxTokens, budgetMs } = checked(chatInput, raw);
    const result = await within(context, budgetMs, (signal, leftMs) =>
      chat(
        {
          messages,
          tools,
          maxTokens: Math.min(maxTokens ?? o.maxTokens, o.maxTokens),
          temperature: o.temperature,
        },
        signal,
        leftMs,
      ),
    );
    return { ...(result as unknown as JsonObject) };
  };

  const embedding: Operation = async (raw, context) => {
    const { texts, model, budgetMs } = checked(embedInput, raw);
    const vectors = await within(context, budgetMs, (signal) =>
      attempt(() => provider.embed(model ?? o.model, texts, signal)),
    );
    return { vectors, model: model ?? o.model };
  };

  const propose = proposing({
    tools: o.tools ?? (() => []),
    verbatim: provider.verbatim === true,
    chat: async ({ model, messages, tools }, context) => {
      const { maxTokens, temperature } = o;
      const result = await within(context, undefined, (signal, leftMs) =>
        chat({ model, messages, tools, maxTokens, temperature }, signal, leftMs),
      );
      const toolCalls = result.toolCalls.map((call) => ({ ...call, name: skillName(call.name) }));
      return { ...result, toolCalls };
    },
  });

  const models: Operation = async (_raw, context) => {
    found = await within(context, undefined, (signal) => attempt(() => provider.models(signal)));
    return { models: found };
  };

  const othersHealth = (): JsonObject =>
    Object.fromEntries(
      [...others].map(([name, each]) => [
        name,
        { ...each.describe(), ...(found ? { present: isPresent(found, name) } : {}) },
      ]),
    );

  return {
    name: "model",
    operations: { answer, digest, propose, chat: chatting, embed: embedding, models },
    health: () => ({
      ...health.describe(),
      provider: provider.kind,
      model: o.model,
      ...(found ? { present: isPresent(found, o.model) } : {}),
      ...(loading ? { loading } : {}),
      ...(others.size > 0 ? { others: othersHealth() } : {}),
      tokens: { ...tokens },
    }),
    // Only looked for, not waited for: the desk starts without it.
    start: async () => {
      void timed(ended.signal, LOOK_MS, (signal) => attempt(() => provider.models(signal))).then(
        (names) => {
          found = names;
          if (isPresent(names, o.model)) load();
        },
        () => {},
      );
    },
    stop: async () => {
      ended.abort();
      for (const each of [health, ...others.values()]) each.stop();
    },
  };
}

/** Names may lack their tag: `llama3` is `llama3:latest`. */
export const isPresent = (names: readonly string[], model: string): boolean =>
  names.some((name) => name === model || name === `${model}:latest`);

/** Ends after `ms` or with the outer signal, even when the call does not. */
async function timed<T>(
  outer: AbortSignal,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort(new Error("out of time"));
  const timer = setTimeout(stop, Math.max(1, ms));
  outer.addEventListener("abort", stop, { once: true });
  if (outer.aborted) stop();
  try {
    return await new Promise<T>((resolve, reject) => {
      const { signal } = controller;
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
      else call(signal).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", stop);
    // Whatever of the call is still under way is worth nothing now.
    controller.abort();
  }
}
