/** HTTP client of a running node: what the commands talk to it with. */
import { readFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { text as textOf } from "node:stream/consumers";
import {
  type AdminClient,
  adminTokenFile,
  type ClientRequest,
  DependencyError,
  readNodeInfo,
  type ServerEvent,
  UsageError,
} from "../runtime/config/index.ts";
import { readEvents } from "../runtime/gateway/event-reader.ts";

const DEFAULT_TIMEOUT_MS = 30_000;

/** The node refused. `problem` is its RFC 9457 document when it sent one. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  constructor(
    message: string,
    readonly status: number,
    readonly problem?: Readonly<Record<string, unknown>>,
  ) {
    super(message);
  }
  /** What was asked is at fault (2), the desk is not ready (3), or it failed (1). */
  get exitCode(): number {
    return this.status === 503 ? 3 : this.status < 500 ? 2 : 1;
  }
}

export interface ClientOptions {
  readonly dataDir: string;
  /** A node elsewhere; without it the one that the data directory announces. */
  readonly url?: string;
  /** Without it the admin token of the data directory. */
  readonly token?: string;
  /** The one that is meant, when it was said; the node of the data directory has to serve it. */
  readonly workspace?: string;
}

/** @throws DependencyError when no node runs on the data directory, or its token cannot be read. */
export function connect(options: ClientOptions): AdminClient {
  const url = (options.url ?? announcedUrl(options.dataDir, options.workspace)).replace(/\/+$/, "");
  return new HttpClient(
    url,
    options.token ?? readToken(options.dataDir, options.url !== undefined),
    options.dataDir,
  );
}

function startCommand(dataDir: string): string {
  return `start one with: npm start (or bin/bailiwick up --data-dir ${dataDir})`;
}

function announcedUrl(dataDir: string, workspace: string | undefined): string {
  const info = readNodeInfo(dataDir);
  if (!info)
    throw new DependencyError(
      `no desk is running on the data directory ${dataDir}: ${startCommand(dataDir)}`,
    );
  try {
    process.kill(info.pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") {
      throw new DependencyError(
        `the desk on ${dataDir} is not running any more (process ${info.pid} has ended): ${startCommand(dataDir)}`,
      );
    }
  }
  if (workspace !== undefined && info.workspace !== undefined && info.workspace !== workspace) {
    throw new UsageError(
      `the desk on ${dataDir} serves the workspace ${info.workspace}, not ${workspace}: correct --workspace, or leave it out`,
    );
  }
  return info.url;
}

function readToken(dataDir: string, elsewhere: boolean): string | undefined {
  const file = adminTokenFile(dataDir);
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // A node elsewhere has its own token; what needs none works without.
    if (elsewhere && code === "ENOENT") return undefined;
    throw new DependencyError(
      code === "EACCES"
        ? `the admin token ${file} belongs to another user: run this command as the user who runs the desk`
        : `the admin token ${file} cannot be read (${code}): ${startCommand(dataDir)}`,
    );
  }
}

class HttpClient implements AdminClient {
  constructor(
    readonly url: string,
    readonly token: string | undefined,
    readonly dataDir: string,
  ) {}

  get<T>(path: string, request?: ClientRequest): Promise<T> {
    return this.#json<T>("GET", path, undefined, request);
  }
  post<T>(path: string, body?: unknown, request?: ClientRequest): Promise<T> {
    return this.#json<T>("POST", path, body, request);
  }
  delete<T>(path: string, request?: ClientRequest): Promise<T> {
    return this.#json<T>("DELETE", path, undefined, request);
  }

  async download(
    path: string,
    body?: unknown,
    request: { readonly signal?: AbortSignal } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    return this.#send("POST", path, {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body ?? {}),
      signal: request.signal,
    });
  }

  async *stream(
    path: string,
    request: { readonly signal?: AbortSignal; readonly lastEventId?: string } = {},
  ): AsyncGenerator<ServerEvent> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (request.lastEventId !== undefined) headers["last-event-id"] = request.lastEventId;
    const stop = new AbortController();
    const signal = request.signal ? AbortSignal.any([request.signal, stop.signal]) : stop.signal;
    try {
      yield* readEvents(await this.#send("GET", path, { headers, signal }));
    } catch (error) {
      if (request.signal?.aborted) return;
      throw error;
    } finally {
      stop.abort();
    }
  }

  async #json<T>(method: string, path: string, body: unknown, request: ClientRequest = {}): Promise<T> {
    const timeout = AbortSignal.timeout(request.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
    const answer = await this.#send(method, path, {
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...request.headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
    const text = await textOf(answer).catch((error) => {
      throw this.#unanswered(`${method} ${path}`, error, signal);
    });
    if (text === "") return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new ClientError(`${method} ${path}: the answer of ${this.url} is no JSON; is it a desk?`, 502);
    }
  }

  /** The answer with its body still to come. `fetch` would give up after five minutes, whatever it was told. */
  async #send(method: string, path: string, sent: Sent): Promise<IncomingMessage> {
    const { body, signal } = sent;
    const headers = { ...sent.headers };
    if (this.token && headers.authorization === undefined) headers.authorization = `Bearer ${this.token}`;
    if (body !== undefined) headers["content-length"] = String(Buffer.byteLength(body));
    const url = new URL(this.url + path);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = url.protocol === "https:" ? httpsRequest : httpRequest;
      send(url, { method, headers, signal }, resolve).on("error", reject).end(body);
    }).catch((error) => {
      throw this.#unanswered(`${method} ${path}`, error, signal);
    });
    const { statusCode = 0 } = answer;
    if (statusCode >= 200 && statusCode < 300) return answer;
    throw await refusal(answer, `${method} ${path}`);
  }

  #unanswered(what: string, error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted)
      return signal.reason?.name === "TimeoutError"
        ? new ClientError(`${what}: no answer from ${this.url} in time; see: bin/bailiwick doctor`, 504)
        : signal.reason;
    const { code, message } = error as NodeJS.ErrnoException;
    return new DependencyError(
      `no desk answers at ${this.url} (${code ?? message}): ${startCommand(this.dataDir)}`,
    );
  }
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

async function refusal(answer: IncomingMessage, what: string): Promise<ClientError> {
  const { statusCode = 0, statusMessage } = answer;
  const text = await textOf(answer).catch(() => "");
  let problem: Record<string, unknown> | undefined;
  try {
    problem = JSON.parse(text) as Record<string, unknown>;
  } catch {
    problem = undefined;
  }
  const said = problem?.detail ?? problem?.title ?? statusMessage;
  return new ClientError(`${what}: ${String(said)} (${statusCode})`, statusCode, problem);
}
