/** Ollama over its own API, through its own client. */
import { type ChatResponse, type Message, Ollama } from "ollama";
import {
  AnswerText,
  argumentsOf,
  type ChatMessage,
  type ChatRequest,
  type ChatResult,
  checkVectors,
  type Provider,
  ProviderError,
  type ToolCall,
} from "./provider.ts";

export const OLLAMA_URL = "http://127.0.0.1:11434";
/** How long the server keeps the model in memory after a call. */
const KEEP_ALIVE = "30m";

export function ollamaProvider(url: string = OLLAMA_URL): Provider {
  /** A client for one call: its fetch ends with the signal and lets nothing but JSON through. */
  const client = (signal: AbortSignal): Ollama =>
    new Ollama({
      host: url,
      fetch: async (input, init) => {
        const response = await fetch(input, { ...init, signal, redirect: "error" });
        return response.body && response.ok ? checkedLines(response) : response;
      },
    });
  const guarded = async <T>(signal: AbortSignal, call: (ollama: Ollama) => Promise<T>): Promise<T> => {
    try {
      return await call(client(signal));
    } catch (error) {
      if (signal.aborted || error instanceof ProviderError) throw error;
      throw new ProviderError(`Ollama: ${describe(error)}`);
    }
  };
  return {
    kind: "ollama",
    chat: (request, signal) =>
      guarded(signal, async (ollama) => {
        const stream = await ollama.chat({
          model: request.model,
          messages: request.messages.map(toMessage),
          stream: true,
          keep_alive: KEEP_ALIVE,
          options: { num_predict: request.maxTokens, temperature: request.temperature },
          ...(request.tools?.length ? { tools: request.tools.map(toTool) } : {}),
        });
        return collect(stream, request);
      }),
    embed: (model, texts, signal) =>
      guarded(signal, async (ollama) => {
        const { embeddings } = await ollama.embed({ model, input: [...texts], keep_alive: KEEP_ALIVE });
        return checkVectors(embeddings, texts.length);
      }),
    load: (model, signal) =>
      guarded(signal, async (ollama) => {
        await ollama.generate({ model, prompt: "", stream: false, keep_alive: KEEP_ALIVE });
      }),
    models: (signal) =>
      guarded(signal, async (ollama) => {
        const { models } = await ollama.list();
        if (!Array.isArray(models)) throw new ProviderError("Ollama did not list its models");
        return models.map((m) => String(m.name));
      }),
  };
}

async function collect(stream: AsyncIterable<ChatResponse>, request: ChatRequest): Promise<ChatResult> {
  const text = new AnswerText(request.maxTokens);
  const toolCalls: ToolCall[] = [];
  let last: ChatResponse | undefined;
  for await (const part of stream) {
    if (typeof part?.message?.content === "string") text.add(part.message.content);
    for (const call of part?.message?.tool_calls ?? []) {
      toolCalls.push({ name: String(call.function.name), arguments: argumentsOf(call.function.arguments) });
    }
    last = part;
  }
  if (!last?.done) throw new ProviderError("Ollama: the answer ended in the middle");
  return {
    text: text.toString(),
    toolCalls,
    promptTokens: last.prompt_eval_count,
    completionTokens: last.eval_count,
  };
}

function toMessage(message: ChatMessage): Message {
  return {
    role: message.role,
    content: message.content,
    ...(message.toolCalls?.length
      ? {
          tool_calls: message.toolCalls.map((c) => ({
            function: { name: c.name, arguments: { ...c.arguments } },
          })),
        }
      : {}),
    ...(message.toolName ? { tool_name: message.toolName } : {}),
  };
}

function toTool(tool: { name: string; description: string; parameters: Readonly<Record<string, unknown>> }) {
  return {
    type: "function",
    function: { name: tool.name, description: tool.description, parameters: { ...tool.parameters } },
  };
}

/**
 * The client prints lines that are no JSON to the console, text of customers included, and goes on. Here such a line
 * ends the answer.
 */
function checkedLines(response: Response): Response {
  let rest = "";
  const decoder = new TextDecoder();
  const check = (line: string) => {
    if (line.trim() === "") return;
    try {
      JSON.parse(line);
    } catch {
      throw new ProviderError("Ollama answered something that is no JSON");
    }
  };
  const checked = response.body!.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop()!;
        for (const line of lines) check(line);
        controller.enqueue(chunk);
      },
      flush() {
        check(rest);
      },
    }),
  );
  return new Response(checked, { status: response.status, headers: response.headers });
}

/** Neither prompt nor answer: what the server says about itself, or why it could not be reached. */
function describe(error: unknown): string {
  const { status_code, cause, message } = error as {
    status_code?: number;
    cause?: { code?: string };
    message?: string;
  };
  if (status_code) return `answered ${status_code}`;
  return cause?.code ?? (message ?? "failed").slice(0, 120);
}
