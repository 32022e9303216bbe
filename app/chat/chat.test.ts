import { PassThrough } from "node:stream";
import { Command } from "commander";
import picocolors from "picocolors";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ADMIN_TOKEN, type RoutesUnderTest, serveDesk } from "../../actors/routes/testing.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { connect } from "../client.ts";
import { commands } from "./commands.ts";
import { talk } from "./talk.ts";

let t: RoutesUnderTest;
beforeAll(async () => {
  t = await serveDesk();
});
afterAll(() => t.stop());

class TestEnv {
  readonly colors = picocolors.createColors(false);
  readonly results: unknown[] = [];
  readonly errors: string[] = [];
  shown = "";
  code = 0;
  constructor(readonly json = false) {}
  client() {
    return connect({ dataDir: "/nowhere", url: t.gateway.url, token: ADMIN_TOKEN });
  }
  out(value: unknown, text?: string | (() => string)) {
    this.results.push(value);
    this.shown += `${typeof text === "function" ? text() : (text ?? JSON.stringify(value))}\n`;
  }
  err(line: string) {
    this.errors.push(line);
  }
  fail(code = 1) {
    this.code = Math.max(this.code, code);
  }
  get env(): CliEnv {
    return this as unknown as CliEnv;
  }
}

let stdout = "";
const capture = () => {
  stdout = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
};
afterEach(() => {
  vi.restoreAllMocks();
});

const pipe = (text: string) => {
  const input = new PassThrough();
  input.end(text);
  return input as unknown as NodeJS.ReadStream;
};
const options = { channel: "chat", timeout: 10 };
const run = async (...args: string[]) => {
  const test = new TestEnv();
  const program = new Command().exitOverride();
  commands(program, test.env);
  await program.parseAsync(args, { from: "user" });
  return test;
};

describe("chat on a pipe", () => {
  it("takes each line as a message and prints the replies as lines", async () => {
    capture();
    const test = new TestEnv();
    await talk(test.env, options, pipe("How do I return something?\n\nI want to talk to a person please\n"));
    const lines = stdout.trimEnd().split("\n");
    expect(lines.every((line) => line.startsWith("desk: "))).toBe(true);
    expect(lines[0]).toContain("within 30 days");
    expect(lines.at(-1)).toContain("colleague");
    expect(test.code).toBe(0);
    expect(test.errors[0]).toMatch(/^conversation [0-9a-f-]{36}/);
  });

  it("prints one document under --json", async () => {
    const test = new TestEnv(true);
    await talk(test.env, options, pipe("How do I return something?"));
    const [{ conversationId, turns }] = test.results as any[];
    expect(turns).toMatchObject([{ text: "How do I return something?", answered: true }]);
    expect(turns[0].replies[0].citations[0].title).toBe("Returning an item");
    const trace = await run("trace", conversationId);
    expect(trace.shown).toMatch(/understand\.1: language\.understand/);
    expect(trace.shown).toMatch(/^seq .*from.*to.*why.*waited.*took/);
  });

  it("vouches for the customer it is given", async () => {
    const test = new TestEnv(true);
    await talk(test.env, { ...options, customer: "c-1" }, pipe("hello"));
    const [{ conversationId }] = test.results as any[];
    const [first] = await t.desk.node.recordsOfKey(conversationId);
    expect(first!.data).toMatchObject({ customer: { id: "c-1" }, vouched: true });
  });

  it("ends when a desk stays silent, and says so", async () => {
    const test = new TestEnv(true);
    await talk(test.env, { ...options, timeout: 0.001 }, pipe("hello"));
    expect(test.code).toBe(1);
    expect(test.errors.at(-1)).toContain("no answer within");
  });
});

describe("commands", () => {
  it("shows the status", async () => {
    const { shown } = await run("status");
    expect(shown).toMatch(/conversations +\d+ open/);
    expect(shown).toMatch(/language +up/);
    expect(shown).toMatch(/queues +\d+ records, \d+ calls/);
    expect(shown).toMatch(/breakers +none open/);
  });

  it("answers a hand-off from the command line", async () => {
    const test = new TestEnv(true);
    await talk(test.env, options, pipe("I want to talk to a person please"));
    const [{ conversationId }] = test.results as any[];
    const id = `${conversationId}-h1`;
    await t.desk.until(async () => (await run("handoffs", "list")).shown.includes(id), "the queue");
    await run("handoffs", "accept", id, "--as", "Grace");
    await run("handoffs", "reply", id, "Hello,", "this is Grace", "--as", "Grace");
    const records = () => t.desk.node.recordsOfKey(conversationId);
    await t.desk.until(
      async () => (await records()).some((r) => r.data.text === "Hello, this is Grace"),
      "the reply",
    );
    await run("handoffs", "return", id, "--summary", "done", "--as", "Grace");
    await expect(run("handoffs", "accept", `${conversationId}-h9`)).rejects.toThrow(/404/);
  });

  it("lists what is unknown and what was given up on, and refuses a wrong outcome", async () => {
    expect((await run("unknowns", "list")).shown).toBe("nothing is unknown\n");
    expect((await run("dead-letters", "list")).shown).toBe("nothing was given up on\n");
    vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    await expect(run("unknowns", "resolve", "u", "maybe")).rejects.toThrow(/done, not-done or retry/);
    await expect(run("dead-letters", "show", "12")).rejects.toThrow(/no dead letter 12/);
  });
});
