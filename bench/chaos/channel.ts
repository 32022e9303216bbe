/** How the load speaks to a node under test: a few paths over HTTP, and what its answers mean. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { formatAddress, parseAddress } from "../../runtime/address.ts";
import { OverloadedError, UnavailableError } from "../../runtime/engine.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { RecordRefusedError } from "../../runtime/log/appender.ts";
import type { Node } from "../../runtime/node.ts";

export interface ChannelMessage {
  readonly id: string;
  readonly type: string;
  /** `<kind>/<key>/<id>`. */
  readonly to: string;
  readonly data: JsonObject;
}

export interface StateAnswer {
  readonly seen: readonly string[];
  readonly waiting: readonly string[];
}

const CUSTOMER = { kind: "customer", key: "customer", id: "customer" };

/**
 * Serves a node: `POST /messages` answers 202, `GET /states/<address>` the state, `POST /clock` moves its clock. Of an actor
 * of its own it says at `GET /verified/<address>` whether folding the log again comes to the same.
 */
export function serveNode(node: Node, port: number, moveClock: (toMs: number) => void): Promise<Server> {
  const server = createServer((request, response) => {
    void answer(node, request, moveClock).then(
      ({ status, body }) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)),
      (error) => response.writeHead(500).end(JSON.stringify({ error: String(error) })),
    );
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

async function answer(
  node: Node,
  request: IncomingMessage,
  moveClock: (toMs: number) => void,
): Promise<{ status: number; body: object }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  const url = request.url ?? "";
  if (url === "/messages") return append(node, JSON.parse(body));
  if (url === "/clock") {
    moveClock(Number(JSON.parse(body).offsetMs));
    return { status: 200, body: {} };
  }
  if (url.startsWith("/states/")) {
    const to = parseAddress(url.slice("/states/".length));
    const state = await node.read(to);
    return state ? { status: 200, body: state.view ?? {} } : { status: 404, body: {} };
  }
  if (url.startsWith("/verified/")) {
    const to = parseAddress(url.slice("/verified/".length));
    if (!node.isHere(to)) return { status: 421, body: {} };
    const verified = await node.verify(to);
    return { status: 200, body: { same: verified?.same ?? true } };
  }
  return { status: 404, body: {} };
}

async function append(node: Node, message: ChannelMessage): Promise<{ status: number; body: object }> {
  try {
    const to = parseAddress(message.to);
    const { seq, duplicate } = await node.append({ ...message, to, from: CUSTOMER });
    return { status: 202, body: { seq, duplicate } };
  } catch (error) {
    const status =
      error instanceof OverloadedError
        ? 429
        : error instanceof UnavailableError
          ? 503
          : error instanceof RecordRefusedError
            ? 413
            : 500;
    return { status, body: { error: String(error) } };
  }
}

/** The other end: what the load and the checker know of a node. */
export class NodeClient {
  readonly #url: string;

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}`;
  }

  /** One attempt. The status is 0 when nobody answered. */
  async send(message: ChannelMessage, timeoutMs = 3_000): Promise<{ status: number; seq?: number }> {
    try {
      const response = await this.#post("/messages", message, timeoutMs);
      const { seq } = (await response.json()) as { seq?: number };
      return { status: response.status, seq };
    } catch {
      return { status: 0 };
    }
  }

  /** Undefined when the actor is unknown or the node can't say. */
  state(to: string): Promise<StateAnswer | undefined> {
    return this.#get(`/states/${formatAddress(parseAddress(to))}`);
  }

  /** Whether folding the log again comes to the same; undefined when the actor is another node's. */
  async isSame(to: string): Promise<boolean | undefined> {
    return (await this.#get<{ same: boolean }>(`/verified/${formatAddress(parseAddress(to))}`))?.same;
  }

  async moveClock(offsetMs: number): Promise<void> {
    await this.#post("/clock", { offsetMs }, 2_000).catch(() => {});
  }

  async #get<T>(path: string, timeoutMs = 5_000): Promise<T | undefined> {
    try {
      const response = await fetch(`${this.#url}${path}`, { signal: AbortSignal.timeout(timeoutMs) });
      return response.ok ? ((await response.json()) as T) : undefined;
    } catch {
      return undefined;
    }
  }

  #post(path: string, body: object, timeoutMs: number): Promise<Response> {
    return fetch(`${this.#url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
  }
}
