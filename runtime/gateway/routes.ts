/**
 * The registry of HTTP routes. Rooms declare routes (`memory/routes.ts`, `actors/routes/`), `app` adds them, and the
 * gateway serves what it finds: it never imports what it serves.
 *
 *     export const recall = route({
 *       method: "GET", path: "/v1/admin/memory/:customer", auth: "admin", summary: "What is known of a customer",
 *       query: z.strictObject({ text: z.string().max(500).optional() }),
 *       handler: async ({ params, query }) => ({ body: await memory.recall(params.customer, query.text) }),
 *     });
 */
import type { Readable } from "node:stream";
import type { z } from "zod";
import { ProblemError } from "./problem.ts";
import type { EventStream } from "./sse.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * Who may call a route.
 *
 * - `public`: anybody who reaches the port.
 * - `customer`: who may open a conversation: under `customerAuth: token` the bearer of a customer token, under `open`
 *   anybody; the admin token always.
 * - `conversation`: the bearer of the token of the conversation `:id`; the admin token always.
 * - `admin`: the admin token.
 */
export type Auth = "public" | "customer" | "conversation" | "admin";

/** Who is asking, as far as the gateway could check. */
export type Principal =
  | { readonly kind: "anonymous" }
  | { readonly kind: "admin" }
  /** A customer whom the company's site has signed for. */
  | { readonly kind: "customer"; readonly id: string; readonly name?: string; readonly email?: string }
  | { readonly kind: "conversation"; readonly conversation: string };

export interface RequestContext<Body = unknown, Query = unknown> {
  readonly requestId: string;
  readonly principal: Principal;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly query: Query;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** W3C trace context of the request: the caller's, or a new one. */
  readonly traceparent: string;
  /** Aborted when the client has gone or the gateway closes. */
  readonly signal: AbortSignal;
  /**
   * Takes one from the bucket of `subject` among the customers' limits.
   * @throws ProblemError 429 with Retry-After when it is empty.
   */
  limit(subject: string): void;
}

/** Bytes that come as they are made; what goes wrong with them breaks the connection off. */
export interface Download {
  readonly type: string;
  /** Name under which a browser would keep it. */
  readonly name: string;
  readonly content: Readable;
}

/** What a handler answers: JSON (`body`), text of some type, bytes of any length, or a stream of events. Status 200 unless given. */
export interface RouteReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly text?: { readonly type: string; readonly content: string };
  readonly download?: Download;
  readonly stream?: EventStream;
}

export interface RouteDefinition<B extends z.ZodType = z.ZodType, Q extends z.ZodType = z.ZodType> {
  readonly method: Method;
  /** With parameters as `:name`. */
  readonly path: string;
  readonly auth: Auth;
  /** One line for the OpenAPI document. */
  readonly summary: string;
  /** Groups routes in the OpenAPI document; the first word of the path after `/v1/` unless given. */
  readonly tag?: string;
  /** Shape of the JSON body; use `z.strictObject` so that unknown keys are refused by name. */
  readonly body?: B;
  /** The body may be left out; the schema then sees an empty object. */
  readonly bodyOptional?: boolean;
  /** Shape of the query; values arrive as text, so use `z.coerce`. */
  readonly query?: Q;
  /** Shape of the answer, for the document only. */
  readonly response?: z.ZodType;
  /** Status of success in the document, default 200. */
  readonly status?: number;
  /** Bytes; the gateway's limit unless given. */
  readonly bodyLimit?: number;
  /** Answers events; for the document only. */
  readonly streams?: boolean;
  /** Left out of the OpenAPI document (pages). */
  readonly hidden?: boolean;
  readonly handler: (context: RequestContext<z.output<B>, z.output<Q>>) => Promise<RouteReply> | RouteReply;
}

/** Any route, whatever its schemas. */
export type AnyRoute = RouteDefinition<any, any>;

/** Declares a route; only so that the handler's body and query get their types. */
export function route<B extends z.ZodType = z.ZodUnknown, Q extends z.ZodType = z.ZodUnknown>(
  definition: RouteDefinition<B, Q>,
): AnyRoute {
  return definition;
}

export class RouteRegistry {
  readonly #routes: AnyRoute[] = [];

  /** @throws Error when method and path are taken. */
  add(...routes: readonly AnyRoute[]): this {
    for (const r of routes) {
      const shape = (x: AnyRoute) => `${x.method} ${x.path.replace(/:[^/]+/g, ":")}`;
      if (this.#routes.some((other) => shape(other) === shape(r))) {
        throw new Error(`route ${r.method} ${r.path} is declared twice: remove one of the two`);
      }
      this.#routes.push(r);
    }
    return this;
  }

  all(): readonly AnyRoute[] {
    return this.#routes;
  }

  /** Methods under which a path is served, for 405. */
  methodsOf(pathname: string): Method[] {
    const parts = pathname.split("/");
    const matches = (path: string) => {
      const want = path.split("/");
      return (
        want.length === parts.length &&
        want.every((w, i) => (w.startsWith(":") ? parts[i] !== "" : w === parts[i]))
      );
    };
    return [...new Set(this.#routes.filter((r) => matches(r.path)).map((r) => r.method))];
  }
}

/** 404 for an unknown id: says what kind of thing it is and how to find the right one. */
export function notFound(what: string, id: string, mend?: string): ProblemError {
  return new ProblemError(404, `${what} not found`, `There is no ${what} ${id}.${mend ? ` ${mend}` : ""}`);
}
