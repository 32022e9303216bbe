/** Any server that speaks the OpenAI API: vLLM, llama.cpp, LM Studio, LocalAI, Ollama itself … */
import {
  AnswerText,
  argumentsOf,
  type ChatMessage,
  type ChatRequest,
  type ChatResult,
  checkVectors,
  MAX_BODY,
  type Provider,
  ProviderError,
} from "./provider.ts";

export interface OpenAiOptions {
  /** Base address, with or without `/v1`. */
  readonly url: string;
  readonly apiKey?: string;
}

export function openAiProvider(options: OpenAiOptions): Provider {
  let bases = basesOf(options.url);

  /** Tries the likelier base first and keeps the one that knows the path. */
  async function request(path: string, body: object | undefined, signal: AbortSignal): Promise<Response> {
    for (const base of bases) {
      const response = await send(`${base}${path}`, body, signal);
      if (response.status === 404 && base !== bases.at(-1)) {
        await response.body?.cancel();
        continue;
      }
      if (response.ok) {
        bases = [base];
        return response;
      }
      await response.body?.cancel();
      throw new ProviderError(
        response.status === 401 || response.status === 403
          ? `the model server answered ${response.status}: is model.apiKey right?`
          : `the model server answered ${response.status}`,
      );
    }
    throw new ProviderError("the model server has no address");
  }

  async function send(url: string, body: object | undefined, signal: AbortSignal): Promise<Response> {
    try {
      return await fetch(url, {
        method: body ? "POST" : "GET",
        redirect: "error",
        signal,
        headers: {
          accept: "application/json, text/event-stream",
          ...(body ? { "content-type": "application/json" } : {}),
          ...(options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    } catch (error) {
      if (signal.aborted) throw error;
      const code = (error as { cause?: { code?: string } }).cause?.code;
      throw new ProviderError(`the model server cannot be reached${code ? ` (${code})` : ""}`);
    }
  }

  return {
    kind: "openai",
    async chat(chat, signal) {
      const response = await request(
        "/chat/completions",
        {
          model: chat.model,
          messages: chat.messages.map(toMessage),
          max_tokens: chat.maxTokens,
          temperature: chat.temperature,
          stream: true,
          ...(chat.tools?.length
            ? { tools: chat.tools.map((f) => ({ type: "function", function: f })) }
            : {}),
        },
        signal,
      );
      return (response.headers.get("content-type") ?? "").includes("text/event-stream")
        ? fromStream(response, chat)
        : fromWhole(await json(response), chat);
    },
    async embed(model, texts, signal) {
      const body = await json(await request("/embeddings", { model, input: texts }, signal));
      const data = Array.isArray(body.data) ? [...body.data].sort((a, b) => a.index - b.index) : undefined;
      return checkVectors(
        data?.map((d) => d?.embedding),
        texts.length,
      );
    },
    async models(signal) {
      const { data } = await json(await request("/models", undefined, signal));
      if (!Array.isArray(data)) throw new ProviderError("the model server did not list its models");
      return data.map((m) => String(m?.id));
    },
  };
}

/** `http://host:8000` is tried as `…/v1` and as it is; what was copied with more of the path loses that. */
function basesOf(url: string): string[] {
  const base = url.replace(/\/+$/, "").replace(/\/(chat\/completions|embeddings|models)$/, "");
  return /\/v\d+$/.test(base) ? [base] : [`${base}/v1`, base];
}

interface Building {
  name: string;
  arguments: string;
}

async function fromStream(response: Response, request: ChatRequest): Promise<ChatResult> {
  const text = new AnswerText(request.maxTokens);
  const calls: Building[] = [];
  let finished = false;
  let usage: any;
  for await (const data of events(response)) {
    if (data === "[DONE]") {
      finished = true;
      break;
    }
    const part = parse(data);
    if (part.error) throw new ProviderError("the model server broke off with an error");
    usage = part.usage ?? usage;
    const choice = part.choices?.[0];
    if (typeof choice?.delta?.content === "string") text.add(choice.delta.content);
    for (const call of choice?.delta?.tool_calls ?? []) {
      const index = Number(call.index ?? calls.length);
      calls[index] ??= { name: "", arguments: "" };
      calls[index].name += call.function?.name ?? "";
      calls[index].arguments += call.function?.arguments ?? "";
    }
    if (choice?.finish_reason) finished = true;
  }
  if (!finished) throw new ProviderError("the answer ended in the middle");
  return resultOf(text.toString(), calls, usage);
}

function fromWhole(body: any, request: ChatRequest): ChatResult {
  const message = body.choices?.[0]?.message;
  if (typeof message !== "object" || message === null)
    throw new ProviderError("the model server answered no message");
  const text = new AnswerText(request.maxTokens);
  text.add(typeof message.content === "string" ? message.content : "");
  const calls = (message.tool_calls ?? []).map((c: any) => c.function ?? {});
  return resultOf(text.toString(), calls, body.usage);
}

function resultOf(text: string, calls: Building[], usage: any): ChatResult {
  return {
    text,
    toolCalls: calls
      .filter(Boolean)
      .map((c) => ({ name: String(c.name), arguments: argumentsOf(c.arguments) })),
    promptTokens: usage?.prompt_tokens,
    completionTokens: usage?.completion_tokens,
  };
}

function toMessage(message: ChatMessage): object {
  if (message.role === "tool") {
    return { role: "tool", content: message.content, tool_call_id: message.toolName ?? "call" };
  }
  if (!message.toolCalls?.length) return { role: message.role, content: message.content };
  return {
    role: message.role,
    content: message.content,
    tool_calls: message.toolCalls.map((c) => ({
      id: c.name,
      type: "function",
      function: { name: c.name, arguments: JSON.stringify(c.arguments) },
    })),
  };
}

/** The `data:` of server-sent events. */
async function* events(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    if (rest.length > MAX_BODY) throw new ProviderError("the model server sent a line without end");
    for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trim();
  }
  if (rest.startsWith("data:")) yield rest.slice(5).trim();
}

async function json(response: Response): Promise<any> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY) throw new ProviderError("the model server answered more than 4 MiB");
    chunks.push(chunk);
  }
  return parse(Buffer.concat(chunks).toString("utf8"));
}

function parse(text: string): any {
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Said below, without the text: it may hold what a customer wrote.
  }
  throw new ProviderError("the model server answered something that is no JSON");
}
