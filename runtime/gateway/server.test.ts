import { createHmac } from "node:crypto";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { OverloadedError, UnavailableError } from "../engine.ts";
import { newId } from "../ids.ts";
import { RecordErasedError, RecordTooLargeError } from "../log/appender.ts";
import type { Gatekeeper } from "./authenticate.ts";
import { checkAddress } from "./listen.ts";
import { RouteRegistry, route } from "./routes.ts";
import { type Gateway, type GatewayOptions, type RequestSeen, startGateway } from "./server.ts";
import { ConversationTokens, signCustomerToken } from "./tokens.ts";

const ADMIN = "admin-token-of-the-test-0123456789";
const SECRET = "a secret that site and desk share, long enough";
const tokens = new ConversationTokens((purpose, value) =>
  createHmac("sha256", "key").update(`${purpose}\u0000${value}`).digest("hex"),
);
const gatekeeper: Gatekeeper = { customerAuth: "open", adminToken: ADMIN, conversations: tokens };

const registry = () =>
  new RouteRegistry().add(
    route({
      method: "POST",
      path: "/v1/things/:id",
      auth: "conversation",
      summary: "Takes a thing",
      body: z.strictObject({ text: z.string(), inner: z.strictObject({ n: z.number() }).optional() }),
      handler: ({ params, body, principal }) => ({ status: 202, body: { id: params.id, body, principal } }),
    }),
    route({
      method: "GET",
      path: "/v1/things/:id",
      auth: "admin",
      summary: "Shows a thing",
      query: z.strictObject({ after: z.coerce.number().int().min(0).default(0) }),
      handler: ({ params, query }) => ({ body: { id: params.id, after: query.after } }),
    }),
    route({
      method: "POST",
      path: "/v1/open",
      auth: "customer",
      summary: "Opens",
      body: z.strictObject({}),
      bodyOptional: true,
      handler: ({ principal }) => ({ body: principal }),
    }),
    route({
      method: "GET",
      path: "/v1/broken",
      auth: "public",
      summary: "Fails",
      handler: () => {
        throw new Error("secret path /etc/thing");
      },
    }),
  );

let gateway: Gateway;
let seen: RequestSeen[];
const start = async (options: Partial<GatewayOptions> = {}) => {
  seen = [];
  gateway = await startGateway({
    registry: registry(),
    gatekeeper,
    port: 0,
    seen: (r) => seen.push(r),
    ...options,
  });
};
beforeEach(() => start());
afterEach(() => gateway.close());

const call = (path: string, init: RequestInit = {}) => fetch(`${gateway.url}${path}`, init);
const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  call(path, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", authorization: `Bearer ${ADMIN}`, ...headers },
  });
const problem = async (response: Response) => {
  expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  const document = (await response.json()) as {
    status: number;
    title: string;
    detail: string;
    instance: string;
    errors?: { field: string; detail: string }[];
  };
  expect(document.status).toBe(response.status);
  expect(document.instance).toBe(`urn:request:${response.headers.get("x-request-id")}`);
  return document;
};
/** Writes bytes as they are, since fetch would not send them. */
const raw = (text: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(gateway.port, "127.0.0.1", () => socket.end(text));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });

describe("bad requests answer a problem that names the field", () => {
  const cases: [string, string | Uint8Array<ArrayBuffer>, number, string][] = [
    ["broken JSON", '{"text": ', 400, "body"],
    ["no body", "", 400, "body"],
    ["a wrong type", '{"text": 7}', 400, "text"],
    ["a wrong type inside", '{"text": "a", "inner": {"n": "x"}}', 400, "inner.n"],
    ["an unknown key", '{"text": "a", "colour": "red"}', 400, "colour"],
    ["an array", "[]", 400, "body"],
    ["invalid UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), 400, "body"],
    ["too many bytes", JSON.stringify({ text: "x".repeat(200_000) }), 413, "body"],
  ];
  it.each(cases)("%s", async (_what, body, status, field) => {
    const response = await post("/v1/things/a", body);
    expect(response.status).toBe(status);
    expect((await problem(response)).errors?.[0]?.field).toBe(field);
  });

  it("a wrong content type", async () => {
    const response = await post("/v1/things/a", "text=1", {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(response.status).toBe(415);
    await problem(response);
  });

  it("a wrong query", async () => {
    const headers = { authorization: `Bearer ${ADMIN}` };
    const response = await call("/v1/things/a?after=soon", { headers });
    expect(response.status).toBe(400);
    expect((await problem(response)).errors?.[0]?.field).toBe("query.after");
  });

  it("a wrong id in the path, an unknown path, a wrong method", async () => {
    const headers = { authorization: `Bearer ${ADMIN}` };
    expect((await problem(await call("/v1/things/a%20b", { headers }))).errors?.[0]?.field).toBe("path.id");
    expect((await problem(await call("/v1/things/%zz", { headers }))).status).toBe(400);
    expect((await problem(await call("/v1/nothing"))).status).toBe(404);
    const wrong = await call("/v1/things/a", { method: "DELETE" });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get("allow")).toBe("POST, GET");
    await problem(wrong);
  });

  it("what is not HTTP at all", async () => {
    expect(await raw("hello\r\n\r\n")).toMatch(/^HTTP\/1.1 400 [\s\S]*application\/problem\+json/);
  });

  it("an error of ours is told to the log, not to the client", async () => {
    const document = await problem(await call("/v1/broken"));
    expect(document.status).toBe(500);
    expect(JSON.stringify(document)).not.toContain("secret");
    await expect.poll(() => seen.length).toBe(1);
    expect(seen[0]).toMatchObject({ route: "/v1/broken", status: 500 });
    expect(String((seen[0]!.error as Error).message)).toContain("secret path");
  });
});

describe("who is asking", () => {
  it("admin routes take the admin token only", async () => {
    expect((await call("/v1/things/a")).status).toBe(401);
    expect((await call("/v1/things/a", { headers: { authorization: "Bearer no" } })).status).toBe(401);
    expect((await call("/v1/things/a", { headers: { authorization: ADMIN } })).status).toBe(401);
    const token = tokens.issue("a");
    expect((await call("/v1/things/a", { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
    const good = await call("/v1/things/a", { headers: { authorization: `Bearer ${ADMIN}` } });
    expect(await good.json()).toEqual({ id: "a", after: 0 });
  });

  it("a conversation takes its own token only", async () => {
    const own = await post("/v1/things/a", '{"text":"x"}', {
      authorization: `Bearer ${tokens.issue("a", "c1")}`,
    });
    expect(own.status).toBe(202);
    expect(await own.json()).toMatchObject({ principal: { kind: "conversation", conversation: "a" } });
    for (const token of [tokens.issue("b"), `${tokens.issue("a")}x`, `1${tokens.issue("a")}`, "x.y"]) {
      const response = await post("/v1/things/a", '{"text":"x"}', { authorization: `Bearer ${token}` });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toContain("Bearer");
    }
  });

  it("under token, opening needs a token that the site signed", async () => {
    await gateway.close();
    await start({ gatekeeper: { ...gatekeeper, customerAuth: "token", customerSecret: SECRET } });
    const exp = Math.floor(Date.now() / 1000) + 600;
    const open = (token?: string) =>
      call("/v1/open", { method: "POST", headers: token ? { authorization: `Bearer ${token}` } : {} });
    expect((await open()).status).toBe(401);
    const good = await open(signCustomerToken({ id: "c1", name: "Ada", exp }, SECRET));
    expect(await good.json()).toMatchObject({ kind: "customer", id: "c1", name: "Ada" });
    const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"c1"}').toString("base64url")}.`;
    const bad = [
      signCustomerToken({ id: "c1", exp }, `${SECRET}!`),
      signCustomerToken({ id: "c1", exp: exp - 6_000 }, SECRET),
      signCustomerToken({ id: "", exp }, SECRET),
      none,
      "abc",
    ];
    for (const token of bad) expect((await open(token)).status).toBe(401);
  });

  it("foreign hosts and origins are refused, before anything else", async () => {
    expect(await raw("GET /livez HTTP/1.1\r\nhost: evil.example\r\n\r\n")).toMatch(/^HTTP\/1.1 421/);
    expect(await raw("GET /livez HTTP/1.1\r\nhost: 127.0.0.1.evil.example:7420\r\n\r\n")).toMatch(/421/);
    expect(await raw("GET /livez HTTP/1.1\r\nhost: [::1]:7420\r\nconnection: close\r\n\r\n")).toMatch(
      / 200 /,
    );
    const foreign = await call("/livez", { headers: { origin: "https://evil.example" } });
    expect(foreign.status).toBe(403);
    expect((await call("/livez", { headers: { origin: "null" } })).status).toBe(403);
    expect((await call("/livez", { headers: { origin: gateway.url } })).status).toBe(200);
  });

  it("a configured origin gets its cross-origin headers", async () => {
    await gateway.close();
    await start({ allowedOrigins: ["https://shop.example"] });
    const headers = { origin: "https://shop.example" };
    const preflight = await call("/v1/open", { method: "OPTIONS", headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://shop.example");
    expect(preflight.headers.get("access-control-allow-methods")).toBe("POST");
    expect((await call("/v1/open", { method: "POST", headers })).status).toBe(200);
  });

  it("limits answer 429 with Retry-After", async () => {
    await gateway.close();
    await start({ limits: { conversation: { burst: 2, perSecond: 0.1 } } });
    const send = (id: string) =>
      post(`/v1/things/${id}`, '{"text":"x"}', { authorization: `Bearer ${tokens.issue(id)}` });
    expect([(await send("a")).status, (await send("a")).status]).toEqual([202, 202]);
    const refused = await send("a");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    await problem(refused);
    expect((await send("b")).status).toBe(202);
  });

  it.each([
    ["503 with Retry-After while the log takes nothing", new UnavailableError("no", 1_500), 503, "2"],
    ["429 while an actor is too far behind", new OverloadedError("no", 3_000), 429, "3"],
    ["413 for what no record can hold", new RecordTooLargeError("no"), 413, null],
    ["410 for what was erased", new RecordErasedError("no"), 410, null],
  ])("answers %s", async (_what, error, status, retryAfter) => {
    await gateway.close();
    const failing = route({
      method: "GET",
      path: "/v1/failing",
      auth: "public",
      summary: "Fails",
      handler: () => {
        throw error;
      },
    });
    await start({ registry: registry().add(failing) });
    const response = await call("/v1/failing");
    expect([response.status, response.headers.get("retry-after")]).toEqual([status, retryAfter]);
    expect((await problem(response)).detail).not.toBe("");
  });
});

describe("the server", () => {
  it("refuses to listen where others can reach it while anybody may talk to it", async () => {
    await expect(
      startGateway({ registry: registry(), gatekeeper, host: "0.0.0.0", port: 0 }),
    ).rejects.toThrow(/customerAuth to token/);
  });

  it("says which command mends a busy port", async () => {
    const port = gateway.port;
    const mended = new RegExp(`port ${port} on 127.0.0.1 is in use: .*bin/bailiwick up --port ${port + 1}`);
    await expect(checkAddress("127.0.0.1", port)).rejects.toThrow(mended);
    await expect(startGateway({ registry: registry(), gatekeeper, port })).rejects.toThrow(mended);
  });

  it("tells its health", async () => {
    await gateway.close();
    let broken: string | undefined = "not connected";
    await start({
      readiness: [
        { name: "nats", check: () => broken },
        { name: "disk", check: async () => undefined },
      ],
    });
    expect(await (await call("/livez")).text()).toBe("ok\n");
    const failing = await call("/readyz");
    expect([failing.status, await failing.text()]).toEqual([503, "not ready\n- nats: not connected\n"]);
    broken = undefined;
    expect((await call("/readyz")).status).toBe(200);
  });

  it("describes itself", async () => {
    const document = (await (await call("/v1/openapi.json")).json()) as any;
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(["/livez", "/readyz", "/metrics", "/v1/openapi.json"]),
    );
    const operation = document.paths["/v1/things/{id}"].post;
    expect(operation.requestBody.content["application/json"].schema).toMatchObject({
      type: "object",
      required: ["text"],
      additionalProperties: false,
    });
    expect(operation.security).toEqual([{ conversation: [] }, { admin: [] }]);
    expect(document.paths["/v1/things/{id}"].get.parameters.map((p: any) => p.name)).toEqual(["id", "after"]);
  });

  it("takes over a request's id and hands out one else", async () => {
    const id = newId();
    expect((await call("/livez", { headers: { "x-request-id": id } })).headers.get("x-request-id")).toBe(id);
    const odd = await call("/livez", { headers: { "x-request-id": "a b" } });
    expect(odd.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("downloads", () => {
  const downloading = (content: () => AsyncGenerator<Buffer>) =>
    new RouteRegistry().add(
      route({
        method: "POST",
        path: "/v1/download",
        auth: "admin",
        summary: "Answers bytes",
        handler: () => ({
          download: { type: "application/x-tar", name: "a b.tar", content: Readable.from(content()) },
        }),
      }),
    );

  it("come as they are made, of any length", async () => {
    await gateway.close();
    await start({
      registry: downloading(async function* () {
        for (let n = 0; n < 64; n++) yield Buffer.alloc(256 * 1024, n);
      }),
    });
    expect((await call("/v1/download", { method: "POST" })).status).toBe(401);
    const response = await post("/v1/download", "{}");
    expect(response.headers.get("content-type")).toBe("application/x-tar");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="a_b.tar"');
    expect(response.headers.get("cache-control")).toBe("no-store");
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes).toHaveLength(16 * 1024 * 1024);
    expect(bytes.at(-1)).toBe(63);
  });

  it("break off where they can't go on, and end with the client and with the gateway", async () => {
    await gateway.close();
    let open = 0;
    const endless = async function* (): AsyncGenerator<Buffer> {
      open++;
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        open--;
      }
    };
    let content: () => AsyncGenerator<Buffer> = async function* () {
      yield Buffer.alloc(10);
      throw new Error("the disk is full");
    };
    await start({ registry: downloading(() => content()) });
    const broken = await post("/v1/download", "{}");
    await expect(broken.arrayBuffer()).rejects.toThrow();
    content = endless;
    const left = new AbortController();
    const headers = { authorization: `Bearer ${ADMIN}` };
    await call("/v1/download", { method: "POST", headers, signal: left.signal });
    await expect.poll(() => open).toBe(1);
    left.abort();
    await expect.poll(() => open).toBe(0);
    const reading = (await post("/v1/download", "{}")).arrayBuffer();
    reading.catch(() => {});
    await expect.poll(() => open).toBe(1);
    await gateway.close();
    await expect(reading).rejects.toThrow();
    expect(open).toBe(0);
    await start();
  });
});

describe("closing", () => {
  it("ends event streams and lets the client know at once", async () => {
    await gateway.close();
    let followers = 0;
    const streaming = new RouteRegistry().add(
      route({
        method: "GET",
        path: "/v1/stream",
        auth: "public",
        summary: "Streams",
        streams: true,
        handler: () => ({
          stream: {
            after: 0,
            source: {
              follow: () => {
                followers++;
                return () => {
                  followers--;
                };
              },
              read: async () => [{ seq: 1, event: "message", data: "hi" }],
            },
          },
        }),
      }),
    );
    await start({ registry: streaming, maxStreams: 1 });
    const response = await call("/v1/stream");
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-store");
    await expect.poll(() => followers).toBe(1);
    expect((await call("/v1/stream")).status).toBe(429);
    const text = response.text();
    await gateway.close();
    expect(await text).toContain("id: 1\nevent: message\n");
    expect(followers).toBe(0);
    await start();
  });
});
