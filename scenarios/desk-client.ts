/** A customer's and an agent's view of a desk over HTTP: one conversation, its events, the admin routes. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { readEvents } from "../runtime/gateway/event-reader.ts";

export interface DeskAccess {
  readonly url: string;
  readonly adminToken: string;
}

export interface Reply {
  readonly seq: number;
  readonly messageId: string;
  readonly role: "desk" | "human";
  readonly text: string;
  /** Ids of the customer's messages that it answers. */
  readonly answers: readonly string[];
  /** Monotonic time of arrival, ms. */
  readonly arrivedAt: number;
}

export interface ConversationState {
  readonly state: string;
  readonly transcript: readonly {
    seq: number;
    messageId: string;
    role: string;
    text: string;
    answers?: string[];
  }[];
  readonly slots: Readonly<Record<string, unknown>>;
  readonly approvals: readonly Record<string, unknown>[];
  readonly outcome: string | null;
  readonly handoff: { id?: string; reason?: string; state?: string } | null;
  readonly offset: number;
  readonly busy?: boolean;
  readonly playbook?: string | null;
  readonly verified?: boolean;
}

export class DeskRefusedError extends Error {
  override readonly name = "DeskRefusedError";
  constructor(
    message: string,
    readonly status: number,
    readonly retryAfterMs: number | undefined,
  ) {
    super(message);
  }
}

export class DeskUnreachableError extends Error {
  override readonly name = "DeskUnreachableError";
}

/** Kept alive, and lighter than `fetch`: what drives a desk on the same machine takes from what it measures. */
const AGENTS = {
  "http:": new HttpAgent({ keepAlive: true }),
  "https:": new HttpsAgent({ keepAlive: true }),
} as const;

interface Call {
  readonly method: string;
  readonly token: string;
  readonly accept?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Longest silence, ms. */
  readonly timeoutMs?: number;
}

/** Resolves with the head of the answer. @throws DeskUnreachableError */
function call(access: DeskAccess, path: string, options: Call): Promise<IncomingMessage> {
  const { method, token, accept, signal, timeoutMs } = options;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const url = new URL(access.url + path);
  const secure = url.protocol === "https:";
  return new Promise((resolve, reject) => {
    const unreachable = (error: unknown): void =>
      reject(new DeskUnreachableError(`${method} ${path}: ${String(error)}`));
    const request = (secure ? httpsRequest : httpRequest)(
      url,
      {
        method,
        signal,
        timeout: timeoutMs,
        agent: AGENTS[secure ? "https:" : "http:"],
        headers: {
          authorization: `Bearer ${token}`,
          ...(accept === undefined ? {} : { accept }),
          ...(body === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        },
      },
      resolve,
    );
    request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on("error", unreachable);
    request.end(body);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** One JSON request. @throws DeskRefusedError, DeskUnreachableError */
export async function deskRequest<T = any>(
  access: DeskAccess,
  method: string,
  path: string,
  options: { body?: unknown; token?: string; timeoutMs?: number } = {},
): Promise<T> {
  const { body: sent, token = access.adminToken, timeoutMs = 30_000 } = options;
  const response = await call(access, path, { method, token, body: sent, timeoutMs });
  let text: string;
  try {
    text = await textOf(response);
  } catch (error) {
    throw new DeskUnreachableError(`${method} ${path}: ${String(error)}`);
  }
  const status = response.statusCode ?? 0;
  const body = text ? JSON.parse(text) : undefined;
  if (status < 200 || status > 299) {
    const retryAfter = response.headers["retry-after"];
    throw new DeskRefusedError(
      `${method} ${path}: ${status} ${body?.detail ?? body?.title ?? ""}`,
      status,
      retryAfter === undefined ? undefined : Number(retryAfter) * 1_000,
    );
  }
  return body as T;
}

/** Events of a conversation from `after` on; ends when the connection does. */
export async function* deskEvents(
  access: DeskAccess,
  conversation: string,
  token: string,
  after: number,
  signal: AbortSignal,
  onOpen?: () => void,
): AsyncGenerator<{ id: number; event: string; data: any }> {
  const path = `/v1/conversations/${conversation}/events?after=${after}`;
  const response = await call(access, path, { method: "GET", token, accept: "text/event-stream", signal });
  if (response.statusCode !== 200) {
    response.resume();
    throw new DeskRefusedError("events refused", response.statusCode ?? 0, undefined);
  }
  onOpen?.();
  for await (const { id, event, data } of readEvents(response)) yield { id: Number(id ?? 0), event, data };
}
