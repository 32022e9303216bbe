/** What a model server can do for the desk, whoever made it. */

export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  /** Of an assistant's earlier message. */
  readonly toolCalls?: readonly ToolCall[];
  /** Of a tool's message: whose answer it is. */
  readonly toolName?: string;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** JSON schema. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly ToolDefinition[];
  readonly maxTokens: number;
  readonly temperature: number;
}

export interface ChatResult {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  /** As the server counts them; absent when it does not say. */
  readonly promptTokens?: number;
  readonly completionTokens?: number;
}

/** Every method throws `ProviderError`, or whatever the signal was aborted with. */
export interface Provider {
  readonly kind: string;
  /** What it says comes from a recording: it is handed on as it is, and no prompt leaves. */
  readonly verbatim?: boolean;
  chat(request: ChatRequest, signal: AbortSignal): Promise<ChatResult>;
  embed(model: string, texts: readonly string[], signal: AbortSignal): Promise<number[][]>;
  /** Has the server read a model into memory, which may take minutes; absent where a server can't be told to. */
  load?(model: string, signal: AbortSignal): Promise<void>;
  /** Names of the models that are there. */
  models(signal: AbortSignal): Promise<string[]>;
}

/** The server did not do what was asked: gone, an error, or an answer that is none. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
}

/** Characters a token has at the very most; what streams on beyond it comes from a server that does not stop. */
const CHARS_PER_TOKEN = 12;
/** Bytes of an answer that is not streamed. */
export const MAX_BODY = 4 * 1024 * 1024;

/** Collects the text of a stream and stops one that has no end. */
export class AnswerText {
  #text = "";
  readonly #most: number;
  constructor(maxTokens: number) {
    this.#most = maxTokens * CHARS_PER_TOKEN;
  }
  add(piece: string): void {
    this.#text += piece;
    if (this.#text.length > this.#most) throw new ProviderError("the answer is longer than was allowed");
  }
  toString(): string {
    return this.#text;
  }
}

/** Arguments of a call as an object; some servers send them as text. */
export function argumentsOf(value: unknown): Readonly<Record<string, unknown>> {
  let parsed = value;
  if (typeof value === "string") {
    try {
      parsed = JSON.parse(value === "" ? "{}" : value);
    } catch {
      throw new ProviderError("the model called a tool with arguments that are no JSON");
    }
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ProviderError("the model called a tool without an object of arguments");
  }
  return parsed as Readonly<Record<string, unknown>>;
}

/** Vectors of numbers, as many as texts. */
export function checkVectors(value: unknown, wanted: number): number[][] {
  const good =
    Array.isArray(value) &&
    value.length === wanted &&
    value.every(
      (v) => Array.isArray(v) && v.length > 0 && v.every((x) => typeof x === "number" && Number.isFinite(x)),
    );
  if (!good) throw new ProviderError("the server did not answer one vector for each text");
  return value;
}
