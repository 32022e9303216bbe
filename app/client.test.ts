import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DependencyError, nodeFile } from "../runtime/config/index.ts";
import { readEvents } from "../runtime/gateway/event-reader.ts";
import { ClientError, connect } from "./client.ts";

let dataDir: string;
let server: Server | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "client-"));
  writeFileSync(join(dataDir, "admin.token"), "the-token\n");
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((ready) => server!.listen(0, "127.0.0.1", ready));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(nodeFile(dataDir), JSON.stringify({ pid: process.pid, url }));
  return url;
}

describe("connect", () => {
  it("says how to start a desk when none runs", () => {
    expect(() => connect({ dataDir })).toThrow(DependencyError);
    expect(() => connect({ dataDir })).toThrow(/npm start/);
    writeFileSync(nodeFile(dataDir), JSON.stringify({ pid: 2 ** 22 + 1, url: "http://127.0.0.1:1" }));
    expect(() => connect({ dataDir })).toThrow(/has ended.*npm start/);
  });

  it("refuses a workspace that the desk does not serve", () => {
    const url = "http://127.0.0.1:1";
    writeFileSync(nodeFile(dataDir), JSON.stringify({ pid: process.pid, url, workspace: "main" }));
    expect(() => connect({ dataDir, workspace: "other" })).toThrow(/serves the workspace main, not other/);
    expect(connect({ dataDir, workspace: "main" }).url).toBe(url);
  });

  // Permission bits mean nothing to root.
  it.skipIf(process.getuid?.() === 0)("says so when the directory is another user's", () => {
    writeFileSync(nodeFile(dataDir), "{}", { mode: 0o000 });
    expect(() => connect({ dataDir })).toThrow(/belongs to another user/);
  });

  it("says so when the announced desk does not answer", async () => {
    writeFileSync(nodeFile(dataDir), JSON.stringify({ pid: process.pid, url: "http://127.0.0.1:1" }));
    await expect(connect({ dataDir }).get("/x")).rejects.toThrow(/no desk answers at .*npm start/);
  });
});

describe("calls", () => {
  it("carry the admin token and JSON", async () => {
    await serve((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        const { method, url, headers } = request;
        response.end(
          JSON.stringify({ method, url, auth: headers.authorization, type: headers["content-type"], body }),
        );
      });
    });
    const client = connect({ dataDir });
    expect(await client.post("/v1/x?y=1", { a: 1 })).toEqual({
      method: "POST",
      url: "/v1/x?y=1",
      auth: "Bearer the-token",
      type: "application/json",
      body: '{"a":1}',
    });
    expect(await client.get("/v1/x")).toMatchObject({ method: "GET", body: "" });
    expect(await client.delete("/v1/x")).toMatchObject({ method: "DELETE" });
  });

  it("throw what the desk says is wrong, with the fitting exit code", async () => {
    await serve((request, response) => {
      response.statusCode = Number(request.url!.slice(1));
      response.end(
        request.url === "/404"
          ? JSON.stringify({ title: "Not found", detail: "no conversation c1" })
          : "oops",
      );
    });
    const client = connect({ dataDir });
    const error = await client.get("/404").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ status: 404, exitCode: 2, message: "GET /404: no conversation c1 (404)" });
    await expect(client.get("/500")).rejects.toMatchObject({ exitCode: 1 });
    await expect(client.get("/503")).rejects.toMatchObject({ exitCode: 3 });
    await expect(client.get("/200")).rejects.toThrow(/no JSON/);
  });

  it("do not wait for ever", async () => {
    await serve(() => {});
    await expect(connect({ dataDir }).get("/slow", { timeoutMs: 50 })).rejects.toThrow(/in time/);
  });
});

describe("stream", () => {
  it("reads events until it is broken off", async () => {
    let closed: (() => void) | undefined;
    const gone = new Promise<void>((done) => {
      closed = done;
    });
    await serve((request, response) => {
      response.setHeader("content-type", "text/event-stream");
      response.write(
        `: hello\n\nid: 8\nevent: message\ndata: {"after":"${request.headers["last-event-id"]}"}\n\n`,
      );
      request.on("close", () => closed?.());
    });
    for await (const event of connect({ dataDir }).stream("/events", { lastEventId: "7" })) {
      expect(event).toEqual({ id: "8", event: "message", data: { after: "7" } });
      break;
    }
    await gone;
  });

  it("ends quietly when it is aborted", async () => {
    await serve((_request, response) => {
      response.write("data: 1\n\n");
    });
    const abort = new AbortController();
    const seen: unknown[] = [];
    for await (const event of connect({ dataDir }).stream("/events", { signal: abort.signal })) {
      seen.push(event.data);
      abort.abort();
    }
    expect(seen).toEqual([1]);
  });

  it("puts events together however they are cut", async () => {
    const bytes = new TextEncoder().encode("event: a\r\ndata: é1\r\ndata: 2\r\n\r\nid: 3\ndata: {}\n\n");
    for (const size of [1, 2, 3, 7, 100]) {
      async function* body() {
        for (let i = 0; i < bytes.length; i += size) yield bytes.slice(i, i + size);
      }
      const events = [];
      for await (const event of readEvents(body())) events.push(event);
      expect(events, `chunks of ${size}`).toEqual([
        { id: undefined, event: "a", data: "é1\n2" },
        { id: "3", event: "message", data: {} },
      ]);
    }
  });
});
