/** For tests: a company's own system behind real HTTP, which can misbehave. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly operation: string;
  readonly input: Record<string, unknown>;
  readonly key: string | undefined;
}

export interface HttpSystem {
  readonly url: string;
  readonly seen: SeenRequest[];
  /** How the next requests are answered; `undefined` leaves the request without an answer. */
  answer: (
    request: SeenRequest,
  ) => { status?: number; body: string; headers?: Record<string, string> } | undefined;
  close(): Promise<void>;
}

export async function httpSystem(): Promise<HttpSystem> {
  const server: Server = createServer((request, response) => void serve(request, response));
  const system: HttpSystem = {
    url: "",
    seen: [],
    answer: () => ({ body: "{}" }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += chunk;
    const { operation, input } = JSON.parse(text);
    const seen = { operation, input, key: request.headers["idempotency-key"] as string | undefined };
    system.seen.push(seen);
    const answer = system.answer(seen);
    if (!answer) return;
    response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
    response.end(answer.body);
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  (system as { url: string }).url =
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/systems/orders`;
  return system;
}
