/** The HTTP server: serves the registered routes behind authentication, limits and problem documents. */
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { newId } from "../ids.ts";
import { authenticate, type Gatekeeper } from "./authenticate.ts";
import { parseJsonBody, readParams, readWith } from "./input.ts";
import { type Limits, RateLimiter } from "./limits.ts";
import { DEFAULT_PORT, GatewayError, listenError } from "./listen.ts";
import { openApiDocument } from "./openapi.ts";
import { checkOrigin, isLoopback } from "./origin.ts";
import { PROBLEM_TYPE, ProblemError, tooMany } from "./problem.ts";
import { failingChecks, type ReadinessCheck } from "./readiness.ts";
import { toProblem } from "./refusals.ts";
import type { AnyRoute, RequestContext, RouteRegistry } from "./routes.ts";
import { type StreamOptions, serveEvents } from "./sse.ts";

/** One answered request, for logs and metrics. Holds the route's pattern, never the path: ids stay out of logs. */
export interface RequestSeen {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  /** An unexpected error of a handler; the client saw only the request's id. */
  readonly error?: unknown;
}

export interface GatewayOptions {
  readonly registry: RouteRegistry;
  readonly gatekeeper: Gatekeeper;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 7420; 0 takes a free one. */
  readonly port?: number;
  /** Names by which the desk is reached besides localhost and addresses. Default none. */
  readonly allowedHosts?: readonly string[];
  /** Origins whose pages may call the desk. Default none but the desk itself. */
  readonly allowedOrigins?: readonly string[];
  readonly limits?: Partial<Limits>;
  /** Bytes of a body. Default 128 KiB: a text of 16 KiB may be written as JSON escapes of six bytes each. */
  readonly bodyLimit?: number;
  /** Event streams open at once. Default 5,000. */
  readonly maxStreams?: number;
  readonly streams?: StreamOptions;
  /** How long requests under way may take when the gateway closes, ms; then they are cut off. Default 5,000. */
  readonly closeMs?: number;
  readonly readiness?: readonly ReadinessCheck[];
  /** A registry of prom-client, or whatever has its two members. */
  readonly metrics?: { readonly contentType: string; metrics(): Promise<string> };
  readonly version?: string;
  readonly seen?: (request: RequestSeen) => void;
}

export interface Gateway {
  /** `http://127.0.0.1:7420` */
  readonly url: string;
  readonly port: number;
  /** Ends streams, answers what is under way, stops listening. */
  close(): Promise<void>;
}

/** @throws GatewayError when the address cannot be listened on, or must not be under `customerAuth: open`. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const host = options.host ?? "127.0.0.1";
  const port = options.port ?? DEFAULT_PORT;
  if (options.gatekeeper.customerAuth === "open" && !isLoopback(host)) {
    throw new GatewayError(
      `gateway.host is ${host}, which others can reach, but gateway.customerAuth is open: set gateway.customerAuth to token with a gateway.customerSecret, or gateway.host to 127.0.0.1`,
    );
  }
  const server = new Server(options);
  try {
    await server.app.listen({ host, port });
  } catch (error) {
    await server.app.close().catch(() => {});
    throw listenError(error as NodeJS.ErrnoException, host, port);
  }
  const actual = (server.app.server.address() as AddressInfo).port;
  server.url = `http://${host.includes(":") ? `[${host}]` : host}:${actual}`;
  return { url: server.url, port: actual, close: () => server.close() };
}

class Server {
  readonly app: FastifyInstance;
  url = "";
  readonly #options: GatewayOptions;
  readonly #limiter: RateLimiter;
  readonly #closing = new AbortController();
  readonly #streams = new Set<Promise<void>>();
  readonly #errors = new WeakMap<FastifyRequest, unknown>();

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#limiter = new RateLimiter(options.limits);
    this.app = fastify({
      logger: false,
      bodyLimit: options.bodyLimit ?? 128 * 1024,
      requestTimeout: 60_000,
      keepAliveTimeout: 72_000,
      forceCloseConnections: "idle",
      exposeHeadRoutes: true,
      routerOptions: { maxParamLength: 256 },
      genReqId: (request) => {
        const given = request.headers["x-request-id"];
        return typeof given === "string" && /^[A-Za-z0-9_-]{8,64}$/.test(given) ? given : newId();
      },
      frameworkErrors: (error, request, reply) => this.#answerError(error, request, reply),
      clientErrorHandler: (_error, socket) => {
        if (!socket.writable) return;
        const body = JSON.stringify({
          type: "about:blank",
          title: "Bad request",
          status: 400,
          detail: "This is not HTTP as the desk understands it.",
        });
        socket.end(
          `HTTP/1.1 400 Bad Request\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
        );
      },
    });
    this.app.removeAllContentTypeParsers();
    this.app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
      try {
        done(null, parseJsonBody(body as Buffer));
      } catch (error) {
        done(error as Error);
      }
    });
    this.app.addHook("onRequest", (request, reply, done) => {
      reply.headers({
        "x-request-id": request.id,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
      });
      checkOrigin(request.headers.host, request.headers.origin, {
        hosts: options.allowedHosts ?? [],
        origins: options.allowedOrigins ?? [],
      });
      this.#allowOrigin(request, reply);
      done();
    });
    this.app.addHook("onResponse", (request, reply, done) => {
      options.seen?.({
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? "unknown",
        status: reply.statusCode,
        durationMs: reply.elapsedTime,
        error: this.#errors.get(request),
      });
      done();
    });
    this.app.setErrorHandler((error, request, reply) => this.#answerError(error, request, reply));
    this.app.setNotFoundHandler((request, reply) => this.#answerUnknown(request, reply));
    this.#serveOwn();
    for (const r of options.registry.all()) this.#serve(r);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const { server } = this.app;
    // A connection that is kept alive becomes idle only after its last answer has left: looked for again and again.
    const idle = setInterval(() => server.closeIdleConnections(), 25);
    const late = setTimeout(() => server.closeAllConnections(), this.#options.closeMs ?? 5_000);
    try {
      await this.app.close();
      await Promise.allSettled(this.#streams);
    } finally {
      clearInterval(idle);
      clearTimeout(late);
    }
  }

  #serve(r: AnyRoute): void {
    this.app.route({
      method: r.method,
      url: r.path,
      exposeHeadRoute: !r.streams,
      ...(r.bodyLimit === undefined ? {} : { bodyLimit: r.bodyLimit }),
      // Before the body is read: who may not call is refused without reading what was sent.
      onRequest: async (request) => {
        const who = authenticate(this.#options.gatekeeper, r.auth, {
          authorization: request.headers.authorization,
          id: (request.params as Record<string, string>).id,
        });
        this.#limit(who.limit.kind, who.limit.subject ?? request.ip);
        if (who.also) this.#limit(who.also.kind, who.also.subject);
        (request as Authenticated).principal = who.principal;
      },
      handler: async (request, reply) => {
        const closing = this.#closing.signal;
        let signal: AbortSignal | undefined;
        const context: RequestContext = {
          requestId: request.id,
          principal: (request as Authenticated).principal,
          params: readParams(request.params),
          query: readWith(r.query, request.query, "query."),
          body: r.body
            ? readWith(r.body, request.body ?? (r.bodyOptional ? {} : undefined), "")
            : request.body,
          headers: request.headers as Record<string, string | undefined>,
          traceparent: traceparent(request.headers.traceparent),
          // Made when it is asked for: few requests do, and it costs more than most of them.
          get signal() {
            signal ??= AbortSignal.any([whenGone(reply.raw), closing]);
            return signal;
          },
          limit: (subject) => this.#limit("customer", subject),
        };
        const answer = await r.handler(context);
        reply.status(answer.status ?? 200).headers(answer.headers ?? {});
        if (answer.stream) {
          if (this.#streams.size >= (this.#options.maxStreams ?? 5_000)) {
            throw tooMany("Too many event streams are open.", 5_000);
          }
          reply.hijack();
          reply.raw.writeHead(200, {
            ...(reply.getHeaders() as Record<string, string>),
            "content-type": "text/event-stream; charset=utf-8",
            "x-accel-buffering": "no",
            connection: "close",
          });
          const served = serveEvents(answer.stream, reply.raw, context.signal, this.#options.streams).catch(
            (error: unknown) => {
              this.#errors.set(request, error);
              reply.raw.destroy();
            },
          );
          this.#streams.add(served);
          await served.finally(() => this.#streams.delete(served));
          return reply;
        }
        if (answer.download) {
          const { type, name, content } = answer.download;
          reply.hijack();
          // Not "connection: close": clients of Node 20 take what breaks off then for the whole.
          reply.raw.writeHead(200, {
            ...(reply.getHeaders() as Record<string, string>),
            "content-type": type,
            "content-disposition": `attachment; filename="${name.replace(/[^\w.-]/g, "_")}"`,
          });
          const sent = pipeline(content, reply.raw, { signal: closing }).catch((error: unknown) => {
            if (!context.signal.aborted) this.#errors.set(request, error);
            reply.raw.destroy();
          });
          this.#streams.add(sent);
          await sent.finally(() => this.#streams.delete(sent));
          return reply;
        }
        if (answer.text) return reply.type(answer.text.type).send(answer.text.content);
        if (answer.body === undefined) return reply.send();
        return reply.type("application/json; charset=utf-8").send(JSON.stringify(answer.body));
      },
    });
  }

  /** Health, metrics and the description of the whole. */
  #serveOwn(): void {
    const text = "text/plain; charset=utf-8";
    this.app.get("/livez", (_request, reply) => reply.type(text).send("ok\n"));
    this.app.get("/readyz", async (_request, reply) => {
      const failing = await failingChecks(this.#options.readiness ?? []);
      if (failing.length === 0) return reply.type(text).send("ok\n");
      return reply
        .status(503)
        .type(text)
        .send(`not ready\n${failing.map((f) => `- ${f}\n`).join("")}`);
    });
    const { metrics } = this.#options;
    if (metrics) {
      this.app.get("/metrics", async (_request, reply) =>
        reply.type(metrics.contentType).send(await metrics.metrics()),
      );
    }
    this.app.get("/v1/openapi.json", (_request, reply) =>
      reply
        .type("application/json; charset=utf-8")
        .send(
          JSON.stringify(
            openApiDocument(this.#options.registry.all(), this.#options.version ?? "0", this.url),
          ),
        ),
    );
  }

  #limit(kind: keyof Limits, subject: string): void {
    const waitMs = this.#limiter.take(kind, subject);
    if (waitMs > 0) throw tooMany(`Too many requests for this ${kind}.`, waitMs);
  }

  #allowOrigin(request: FastifyRequest, reply: FastifyReply): void {
    const { origin } = request.headers;
    if (origin === undefined || !this.#options.allowedOrigins?.includes(origin)) return;
    reply.headers({
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "x-request-id, retry-after",
      vary: "origin",
    });
  }

  #answerUnknown(request: FastifyRequest, reply: FastifyReply): void {
    const path = request.url.split("?")[0]!;
    const methods = this.#options.registry.methodsOf(path);
    if (request.method === "OPTIONS" && methods.length > 0) {
      reply
        .status(204)
        .headers({
          allow: methods.join(", "),
          "access-control-allow-methods": methods.join(", "),
          "access-control-allow-headers": "authorization, content-type, last-event-id, x-request-id",
          "access-control-max-age": "600",
        })
        .send();
      return;
    }
    const problem =
      methods.length > 0
        ? new ProblemError(405, "Method not allowed", `This takes ${methods.join(", ")}.`, {
            headers: { allow: methods.join(", ") },
          })
        : new ProblemError(
            404,
            "Not found",
            "Nothing is served under this path: /v1/openapi.json lists what is.",
          );
    this.#send(problem, request, reply);
  }

  #answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = toProblem(error);
    if (problem.status >= 500) this.#errors.set(request, error);
    this.#send(problem, request, reply);
  }

  #send(problem: ProblemError, request: FastifyRequest, reply: FastifyReply): void {
    reply
      .status(problem.status)
      .headers({ "x-request-id": request.id, ...problem.options.headers })
      .type(PROBLEM_TYPE)
      .send(JSON.stringify(problem.document(request.id)));
  }
}

type Authenticated = FastifyRequest & { principal: RequestContext["principal"] };

/** The caller's trace context when it is well-formed, else a new trace. */
function traceparent(given: unknown): string {
  if (
    typeof given === "string" &&
    /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(given)
  ) {
    return given;
  }
  const random = randomBytes(24).toString("hex");
  return `00-${random.slice(0, 32)}-${random.slice(32)}-01`;
}

/** Aborted when the connection is closed or the answer has left. */
function whenGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  if (response.closed) gone.abort();
  else response.once("close", () => gone.abort());
  return gone.signal;
}
