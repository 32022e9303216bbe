/** Admin routes of memory and knowledge. They ask the resident agents, as every other part of the desk does. */
import { z } from "zod";
import type { Engine } from "../runtime/engine.ts";
import { type AnyRoute, ProblemError, route } from "../runtime/gateway/index.ts";
import type { JsonObject } from "../runtime/json.ts";
import { dropUndefined } from "./input.ts";

export interface MemoryRouteOptions {
  readonly call: Engine["call"];
  /** Key of a customer inside, from the id that the company's records use. */
  readonly customerKey: (customerId: string) => string;
}

export function memoryRoutes({ call, customerKey }: MemoryRouteOptions): AnyRoute[] {
  const ask = async (service: string, operation: string, input: JsonObject) => {
    try {
      return { body: await call(service, operation, input) };
    } catch (error) {
      throw problemOf(error);
    }
  };
  const memory = (operation: string, params: Readonly<Record<string, string>>, input: JsonObject = {}) =>
    ask("memory", operation, { customer: customerKey(params.customer!), ...input });
  return [
    route({
      method: "GET",
      path: "/v1/admin/memory/:customer/facts",
      auth: "admin",
      tag: "memory",
      summary: "All facts about a customer, superseded ones too",
      handler: ({ params }) => memory("facts", params),
    }),
    route({
      method: "GET",
      path: "/v1/admin/memory/:customer/recall",
      auth: "admin",
      tag: "memory",
      summary: "The facts about a customer that bear on a text and held when it says, or the newest ones",
      query: z.strictObject({
        text: z.string().max(2_000).optional(),
        k: z.coerce.number().int().min(1).max(100).default(5),
        role: z.string().max(64).optional(),
        conversation: z.string().max(128).optional(),
      }),
      handler: ({ params, query }) => memory("recall", params, dropUndefined({ ...query, past: true })),
    }),
    route({
      method: "GET",
      path: "/v1/admin/memory/:customer/said",
      auth: "admin",
      tag: "memory",
      summary: "What was said about something in a customer's conversations",
      query: z.strictObject({
        text: z.string().min(1).max(2_000),
        k: z.coerce.number().int().min(1).max(100).default(10),
      }),
      handler: ({ params, query: { text, k } }) => memory("said", params, { text, k }),
    }),
    route({
      method: "GET",
      path: "/v1/admin/memory/:customer/export",
      auth: "admin",
      tag: "memory",
      summary: "All that is kept about a customer: facts and what was said",
      handler: ({ params }) => memory("export", params),
    }),
    route({
      method: "GET",
      path: "/v1/admin/memory-tiers",
      auth: "admin",
      tag: "memory",
      summary: "What is hot, warm and cold, and how long it takes to read there",
      handler: () => ask("memory", "tiers", {}),
    }),
    route({
      method: "POST",
      path: "/v1/admin/memory-tiers/demote",
      auth: "admin",
      tag: "memory",
      summary: "Makes conversations cold whose time has come, or all",
      body: z.strictObject({ all: z.boolean().default(false) }).prefault({}),
      handler: ({ body }) => ask("memory", "demote", body),
    }),
    route({
      method: "DELETE",
      path: "/v1/admin/memory/:customer",
      auth: "admin",
      tag: "memory",
      summary: "Destroys a customer's key and deletes what is kept; cannot be undone",
      handler: ({ params }) => memory("erase", params),
    }),
    route({
      method: "GET",
      path: "/v1/admin/memory/:customer/hold",
      auth: "admin",
      tag: "memory",
      summary: "The legal hold on a customer, null where there is none",
      handler: ({ params }) => memory("holdOf", params),
    }),
    route({
      method: "POST",
      path: "/v1/admin/memory/:customer/hold",
      auth: "admin",
      tag: "memory",
      summary: "Places a legal hold: nothing of the customer is erased, nor deleted when it has expired",
      body: z.strictObject({ reason: z.string().min(1).max(1_000), until: z.iso.datetime().optional() }),
      handler: ({ params, body: { reason, until } }) =>
        memory("hold", params, dropUndefined({ reason, until: until && Date.parse(until) })),
    }),
    route({
      method: "DELETE",
      path: "/v1/admin/memory/:customer/hold",
      auth: "admin",
      tag: "memory",
      summary: "Releases a legal hold",
      handler: ({ params }) => memory("release", params),
    }),
    route({
      method: "GET",
      path: "/v1/admin/knowledge",
      auth: "admin",
      tag: "knowledge",
      summary: "The articles",
      handler: () => ask("knowledge", "list", {}),
    }),
    route({
      method: "POST",
      path: "/v1/admin/knowledge/reload",
      auth: "admin",
      tag: "knowledge",
      summary: "Reads what was written, came or went in the folders of articles now",
      handler: () => ask("knowledge", "reload", {}),
    }),
    route({
      method: "GET",
      path: "/v1/admin/knowledge/search",
      auth: "admin",
      tag: "knowledge",
      summary: "The passages that answer a question best",
      query: z.strictObject({
        text: z.string().min(1).max(2_000),
        k: z.coerce.number().int().min(1).max(50).default(4),
      }),
      handler: ({ query: { text, k } }) => ask("knowledge", "search", { text, k }),
    }),
  ];
}

function problemOf(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  if (code === "invalid") return new ProblemError(400, "Invalid request", message ?? "");
  if (code === "held") return new ProblemError(409, "Under legal hold", message ?? "");
  if (code === "not_found") return new ProblemError(404, "Not found", message ?? "");
  if (code === "not_noted") return new ProblemError(507, "Not erased", message ?? "");
  if (code === "timeout" || code === "unavailable") {
    return new ProblemError(503, "Memory does not answer", `${message}: try again`, {
      headers: { "retry-after": "1" },
    });
  }
  return error;
}
