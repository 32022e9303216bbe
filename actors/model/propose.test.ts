/** What a model is told of an agentic conversation, and what is read out of its proposals. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Service } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { Inventory } from "../skills/inventory.ts";
import { modelAgent, modelService, recordedProvider, toolsOf } from "./index.ts";
import { type OllamaDouble, ollamaDouble } from "./testing/ollama-double.ts";

let server: OllamaDouble;
let service: Service;
beforeEach(async () => {
  server = await ollamaDouble();
});
afterEach(async () => {
  await service?.stop?.();
  await server.close();
});

const open = (provider: "ollama" | "openai" = "ollama"): Service => {
  const config = { timeoutMs: 8_000, maxTokens: 50, temperature: 0.2, concurrency: 2, model: "llama3.2" };
  service = modelService({ ...config, provider, url: server.url }, toolsOf(new Inventory()));
  return service;
};
const context = () => ({
  idempotencyKey: "k",
  deadline: Date.now() + 10_000,
  signal: new AbortController().signal,
});
const propose = (of: Service, input: JsonObject): Promise<any> => of.operations.propose!(input, context());
const first = {
  conversation: "c1",
  from: 0,
  whole: true,
  skills: ["orders.get", "desk.verify", "none.such"],
};

describe.each(["ollama", "openai"] as const)("proposals over %s", (kind) => {
  it("name skills of the desk, with what they take, and hide who the customer is, there and back", async () => {
    const model = open(kind);
    server.say = () => ({
      toolCalls: [{ name: "orders__get", arguments: { orderId: "<ORDER_1>", note: "for <NAME_1>" } }],
    });
    const messages = [{ role: "user", content: "I'm Grace, grace@navy.mil: where is W1002003?" }];
    const said = await propose(model, { ...first, messages, known: { names: ["Grace"] } });
    expect(said.calls).toEqual([
      { name: "orders.get", arguments: { orderId: "W1002003", note: "for Grace" } },
    ]);
    const [chat] = server.chats;
    expect(JSON.stringify(chat)).not.toMatch(/grace|1002003/i);
    const tools = chat!.tools as { function: { name: string; parameters: any } }[];
    expect(tools.map((tool) => tool.function.name)).toEqual(["orders__get", "desk__verify"]);
    expect(tools[0]!.function.parameters.properties).toHaveProperty("orderId");
    expect(tools[0]!.function.parameters.properties).not.toHaveProperty("customerId");
  });

  it("are asked for with all that was said before, of which only the new is told", async () => {
    const model = open(kind);
    server.say = () => "Shipped, <ORDER_1>.";
    await propose(model, { ...first, messages: [{ role: "user", content: "Where is W1002003?" }] });
    const more: JsonObject[] = [
      {
        role: "assistant",
        content: "",
        toolCalls: [{ name: "orders.get", arguments: { orderId: "W1002003" } }],
      },
      { role: "tool", toolName: "orders.get", content: '{"id":"W1002003"}' },
    ];
    const next = { ...first, from: 1, whole: false, messages: more };
    expect(await propose(model, next)).toMatchObject({ text: "Shipped, W1002003.", calls: [] });
    // The same again, after a crash.
    expect(await propose(model, next)).toMatchObject({ text: "Shipped, W1002003." });
    for (const chat of server.chats.slice(1)) {
      expect(chat.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "tool"]);
      expect(JSON.stringify(chat.messages)).toContain("orders__get");
      expect(JSON.stringify(chat.messages)).not.toContain("1002003");
    }
  });
});

describe("a thread", () => {
  it("that is not known is asked for", async () => {
    const input = { ...first, from: 3, whole: false, messages: [{ role: "user", content: "And now?" }] };
    await expect(propose(open(), input)).rejects.toMatchObject({ code: "conflict" });
    await expect(propose(open(), { ...input, messages: "?" })).rejects.toMatchObject({ code: "invalid" });
    expect(server.chats).toHaveLength(0);
  });
});

describe("a recorded model", () => {
  it("puts out what it put out, by how far the conversation is, as it was", async () => {
    const outputs = [
      {
        text: "<think>hm</think> Hello <NAME_1> ",
        toolCalls: [{ name: "shop.get_it", arguments: { a: 1 } }],
      },
      { text: "Bye.", toolCalls: [] },
    ];
    service = modelAgent(recordedProvider(outputs), { model: "recorded" });
    const messages = [{ role: "user", content: "hi" }];
    const one = { text: outputs[0]!.text, calls: outputs[0]!.toolCalls, model: "recorded" };
    expect(await propose(service, { ...first, messages })).toEqual(one);
    expect(await propose(service, { ...first, messages })).toEqual(one);
    const next = { ...first, from: 1, whole: false, messages: [{ role: "assistant", content: "x" }] };
    expect(await propose(service, next)).toMatchObject({ text: "Bye." });
  });
});
