/** A customer's and an agent's view of a desk over HTTP: one conversation, its events, the admin routes. */
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

/** One JSON request. @throws DeskRefusedError, DeskUnreachableError */
export async function deskRequest<T = any>(
  access: DeskAccess,
  method: string,
  path: string,
  options: { body?: unknown; token?: string; timeoutMs?: number } = {},
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(access.url + path, {
      method,
      headers: {
        authorization: `Bearer ${options.token ?? access.adminToken}`,
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: AbortSignal.timeout(options.timeoutMs ?? 30_000),
    });
  } catch (error) {
    throw new DeskUnreachableError(`${method} ${path}: ${String((error as Error).cause ?? error)}`);
  }
  const text = await response.text();
  const body = text ? JSON.parse(text) : undefined;
  if (!response.ok) {
    const retryAfter = response.headers.get("retry-after");
    throw new DeskRefusedError(
      `${method} ${path}: ${response.status} ${body?.detail ?? body?.title ?? ""}`,
      response.status,
      retryAfter === null ? undefined : Number(retryAfter) * 1_000,
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
  const response = await fetch(`${access.url}/v1/conversations/${conversation}/events?after=${after}`, {
    headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" },
    signal,
  });
  if (!response.ok || !response.body)
    throw new DeskRefusedError("events refused", response.status, undefined);
  onOpen?.();
  for await (const { id, event, data } of readEvents(response.body))
    yield { id: Number(id ?? 0), event, data };
}
