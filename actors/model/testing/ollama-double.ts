/**
 * For tests: a server that speaks Ollama's API (and the OpenAI API that Ollama offers beside it) over real HTTP:
 * streaming chat, tool calls, embeddings, tags. What it says is decided by the test; it can also misbehave.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Misbehaviour =
  /** Never answers. */
  | "hang"
  /** Answers 500. */
  | "error"
  /** Streams a little and then nothing more. */
  | "stall"
  /** Streams a little and closes the connection. */
  | "cut"
  /** Streams without end. */
  | "endless"
  /** Answers something that is no JSON. */
  | "garbage";

export interface SeenChat {
  readonly model: string;
  readonly messages: { role: string; content: string }[];
  readonly tools?: unknown[];
  readonly path: string;
}

export type Said = string | { readonly toolCalls: { name: string; arguments: object }[] };

export interface OllamaDouble {
  readonly url: string;
  readonly chats: SeenChat[];
  readonly paths: string[];
  /** What the model says to a chat. */
  say: (chat: SeenChat) => Said;
  misbehave: Misbehaviour | undefined;
  models: string[];
  /** Serves the OpenAI API under `/v1` (as Ollama does), at the top, or not at all. */
  openAiAt: "/v1" | "" | undefined;
  apiKey: string | undefined;
  close(): Promise<void>;
}

export async function ollamaDouble(): Promise<OllamaDouble> {
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  const double: OllamaDouble = {
    url: "",
    chats: [],
    paths: [],
    say: () => "Parcels can be sent back within 30 days [1].",
    misbehave: undefined,
    models: ["llama3.2:latest", "small:1b"],
    openAiAt: "/v1",
    apiKey: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += chunk;
    const path = request.url!;
    double.paths.push(path);
    if (double.misbehave === "hang") return;
    if (double.misbehave === "error") return json(response, 500, { error: "out of memory" });
    if (double.misbehave === "garbage") {
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.end("<html>proxy login</html>\n");
      return;
    }
    const body = text ? JSON.parse(text) : {};
    const openAi =
      double.openAiAt !== undefined &&
      ["/models", "/chat/completions", "/embeddings"].some((end) => path === double.openAiAt + end);
    if (openAi && double.apiKey && request.headers.authorization !== `Bearer ${double.apiKey}`) {
      return json(response, 401, { error: { message: "bad key" } });
    }
    const known = (name: string) => double.models.some((m) => m === name || m === `${name}:latest`);
    if (path === "/api/tags") {
      return json(response, 200, {
        models: double.models.map((name) => ({ name, model: name, size: 1, details: {} })),
      });
    }
    if (path.startsWith("/api/") && !known(body.model)) {
      return json(response, 404, { error: `model '${body.model}' not found` });
    }
    if (path === "/api/chat") return ollamaChat(response, body);
    // Without a prompt it only loads the model.
    if (path === "/api/generate" && !body.prompt) {
      return json(response, 200, { model: body.model, response: "", done: true, done_reason: "load" });
    }
    if (path === "/api/embed") {
      const texts: string[] = [body.input].flat();
      return json(response, 200, { model: body.model, embeddings: texts.map(vectorOf) });
    }
    if (openAi && path.endsWith("/models")) {
      return json(response, 200, {
        object: "list",
        data: double.models.map((id) => ({ id, object: "model" })),
      });
    }
    if (openAi && path.endsWith("/chat/completions")) return openAiChat(response, body);
    if (openAi && path.endsWith("/embeddings")) {
      const data = [body.input].flat().map((t: string, index: number) => ({ index, embedding: vectorOf(t) }));
      return json(response, 200, { object: "list", data: data.reverse() });
    }
    return json(response, 404, { error: "404 page not found" });
  }

  function saidTo(body: any, path: string): Said {
    const chat: SeenChat = { model: body.model, messages: body.messages, tools: body.tools, path };
    double.chats.push(chat);
    return double.say(chat);
  }

  async function ollamaChat(response: ServerResponse, body: any): Promise<void> {
    const said = saidTo(body, "/api/chat");
    const part = (message: object, done = false, more: object = {}) => ({
      model: body.model,
      created_at: new Date().toISOString(),
      message: { role: "assistant", content: "", ...message },
      done,
      ...more,
    });
    const end = part({}, true, {
      done_reason: "stop",
      prompt_eval_count: 50,
      eval_count: 12,
      total_duration: 1,
    });
    const pieces =
      typeof said === "string"
        ? piecesOf(said).map((content) => part({ content }))
        : [part({ tool_calls: said.toolCalls.map((c) => ({ function: c })) })];
    if (body.stream === false) {
      const content = typeof said === "string" ? { content: said } : pieces[0]!.message;
      return json(response, 200, { ...end, message: { ...end.message, ...content } });
    }
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    await stream(
      response,
      pieces.map((p) => `${JSON.stringify(p)}\n`),
      `${JSON.stringify(end)}\n`,
    );
  }

  async function openAiChat(response: ServerResponse, body: any): Promise<void> {
    const said = saidTo(body, "/chat/completions");
    const part = (delta: object, finish: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    // Arguments come in pieces, as they do from real servers.
    const calls = (list: { name: string; arguments: object }[]) =>
      list.flatMap((c, index) => {
        const text = JSON.stringify(c.arguments);
        const half = Math.ceil(text.length / 2);
        return [
          part({
            tool_calls: [
              { index, id: `c${index}`, function: { name: c.name, arguments: text.slice(0, half) } },
            ],
          }),
          part({ tool_calls: [{ index, function: { arguments: text.slice(half) } }] }),
        ];
      });
    const pieces =
      typeof said === "string" ? piecesOf(said).map((content) => part({ content })) : calls(said.toolCalls);
    response.writeHead(200, { "content-type": "text/event-stream" });
    await stream(response, pieces, `${part({}, "stop")}data: [DONE]\n\n`);
  }

  async function stream(response: ServerResponse, pieces: string[], end: string): Promise<void> {
    response.write(pieces[0]!);
    if (double.misbehave === "stall") return;
    if (double.misbehave === "cut") {
      await new Promise((resolve) => setTimeout(resolve, 5));
      response.destroy();
      return;
    }
    while (double.misbehave === "endless" && !response.destroyed) {
      if (!response.write(pieces[0]!.repeat(50))) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const piece of pieces.slice(1)) response.write(piece);
    response.end(end);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  (double as { url: string }).url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return double;
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

const piecesOf = (text: string): string[] => text.match(/\S+\s*/g) ?? [text];

/** Some vector, the same for the same text. */
function vectorOf(text: string): number[] {
  const vector = new Array<number>(8).fill(0);
  for (let i = 0; i < text.length; i++) vector[i % 8]! += text.charCodeAt(i) / 1000;
  return vector;
}
