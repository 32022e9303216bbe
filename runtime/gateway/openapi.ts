/** The OpenAPI 3.1 document, made from the routes and their schemas. */
import { z } from "zod";
import type { AnyRoute } from "./routes.ts";

type Node = Record<string, unknown>;

const PROBLEM = { $ref: "#/components/responses/Problem" };

/** @param routes what is served. @param version of the desk. @param server base URL that clients reach. */
export function openApiDocument(routes: readonly AnyRoute[], version: string, server: string): Node {
  const paths: Record<string, Node> = {};
  for (const r of routes) {
    if (r.hidden) continue;
    const path = r.path.replace(/:([^/]+)/g, "{$1}");
    paths[path] = { ...paths[path], [r.method.toLowerCase()]: operation(r) };
  }
  Object.assign(paths, ownPaths());
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    info: {
      title: "Bailiwick",
      version,
      description: "A support desk on the company's own machines.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: server }],
    paths,
    components: {
      securitySchemes: {
        admin: { type: "http", scheme: "bearer", description: "The token in <data-dir>/admin.token." },
        conversation: {
          type: "http",
          scheme: "bearer",
          description: "The conversationToken that opening the conversation answered.",
        },
        customer: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description:
            "A token that the company's site has signed for its customer (gateway.customerAuth: token).",
        },
      },
      responses: {
        Problem: {
          description: "What is wrong and how to mend it (RFC 9457).",
          content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
        },
      },
      schemas: { Problem: schemaOf(problemSchema, "output") },
    },
  };
}

/** What the gateway serves by itself. */
function ownPaths(): Record<string, Node> {
  const text = (description: string) => ({
    description,
    content: { "text/plain": { schema: { type: "string" } } },
  });
  const get = (summary: string, responses: Node) => ({
    get: { summary, tags: ["health"], security: [], responses },
  });
  return {
    "/livez": get("Whether the process serves", { "200": text("It does.") }),
    "/readyz": get("Whether customers can be served", {
      "200": text("They can."),
      "503": text("The checks that fail, one a line."),
    }),
    "/metrics": get("Metrics for Prometheus", { "200": text("In the exposition format.") }),
    "/v1/openapi.json": get("This document", {
      "200": {
        description: "OpenAPI 3.1.",
        content: { "application/json": { schema: { type: "object" } } },
      },
    }),
  };
}

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
});

function operation(r: AnyRoute): Node {
  const parameters: Node[] = [...r.path.matchAll(/:([^/]+)/g)].map((m) => ({
    name: m[1]!,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  if (r.query) {
    const shape = schemaOf(r.query, "input") as { properties?: Record<string, Node>; required?: string[] };
    for (const [name, schema] of Object.entries(shape.properties ?? {})) {
      parameters.push({ name, in: "query", required: shape.required?.includes(name) ?? false, schema });
    }
  }
  if (r.streams) {
    parameters.push({
      name: "Last-Event-ID",
      in: "header",
      required: false,
      schema: { type: "integer" },
      description: "Position of the last event seen; the stream goes on after it.",
    });
  }
  const success: Node = { description: "Done." };
  if (r.streams) success.content = { "text/event-stream": { schema: { type: "string" } } };
  else if (r.response) success.content = { "application/json": { schema: schemaOf(r.response, "output") } };
  return {
    summary: r.summary,
    tags: [r.tag ?? r.path.split("/").find((p) => p && p !== "v1" && p !== "admin") ?? "desk"],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(r.body
      ? {
          requestBody: {
            required: !r.bodyOptional,
            content: { "application/json": { schema: schemaOf(r.body, "input") } },
          },
        }
      : {}),
    ...security(r),
    responses: { [String(r.status ?? 200)]: success, "4XX": PROBLEM, "5XX": PROBLEM },
  };
}

function security(r: AnyRoute): Node {
  if (r.auth === "admin") return { security: [{ admin: [] }] };
  if (r.auth === "conversation") return { security: [{ conversation: [] }, { admin: [] }] };
  if (r.auth === "customer") return { security: [{ customer: [] }, { admin: [] }, {}] };
  return { security: [] };
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Node {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    target: "draft-2020-12",
    io,
    unrepresentable: "any",
  }) as Node;
  return rest;
}
