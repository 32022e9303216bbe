import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AskContext, Service } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { modelAgent, modelService, ollamaProvider, openAiProvider } from "./index.ts";
import { type Misbehaviour, type OllamaDouble, ollamaDouble } from "./testing/ollama-double.ts";

let server: OllamaDouble;
let started: Service[] = [];
beforeEach(async () => {
  server = await ollamaDouble();
});
afterEach(async () => {
  for (const service of started) await service.stop?.();
  started = [];
  await server.close();
});

const context = (ms = 20_000): AskContext => ({
  idempotencyKey: "k",
  deadline: Date.now() + ms,
  signal: new AbortController().signal,
});
const ask = (service: Service, operation: string, input: JsonObject): Promise<any> =>
  service.operations[operation]!(input, context());
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error) => error.code,
  );

const base = { timeoutMs: 8_000, maxTokens: 50, temperature: 0.2, concurrency: 2, model: "llama3.2" };
const providers = {
  ollama: (over: object = {}) =>
    keep(modelService({ ...base, provider: "ollama", url: server.url, ...over })),
  openai: (over: object = {}) =>
    keep(modelService({ ...base, provider: "openai", url: server.url, ...over })),
};
function keep(service: Service): Service {
  started.push(service);
  return service;
}

const passages = [
  {
    id: "returns#1",
    articleId: "returns",
    title: "Returns",
    text: "Parcels can be sent back within 30 days.",
  },
  { id: "ship#1", articleId: "ship", title: "Shipping", text: "We ship on weekdays." },
];
const question = { question: "How long can I send things back?", passages, history: [], budgetMs: 5_000 };

describe.each(["ollama", "openai"] as const)("a model over %s", (kind) => {
  it("answers a question from passages, with what it cites", async () => {
    expect(await ask(providers[kind](), "answer", question)).toEqual({
      text: "Parcels can be sent back within 30 days.",
      citations: [{ id: "returns#1", articleId: "returns", title: "Returns" }],
      model: "llama3.2",
      modelMs: expect.any(Number),
    });
    const [chat] = server.chats;
    expect(chat!.messages[0]).toMatchObject({
      role: "system",
      content: expect.stringContaining("[2] Shipping"),
    });
    expect(chat!.messages.at(-1)).toMatchObject({ role: "user", content: question.question });
  });

  it("never sees who asks, and the customer sees his own data again", async () => {
    server.say = () => "We will write to <EMAIL_1> [1]. Not to <EMAIL_9>.";
    const answer = await ask(providers[kind](), "answer", {
      ...question,
      question: "Will you write to ada.byron@example.com about W1234567? My card is 4111 1111 1111 1111",
      history: [{ role: "customer", text: "I am ada.byron@example.com" }],
    });
    const prompt = JSON.stringify(server.chats[0]!.messages);
    expect(prompt).not.toMatch(/ada|byron|1234567|4111/i);
    expect(prompt).toContain("I am <EMAIL_1>");
    expect(answer.text).toBe("We will write to ada.byron@example.com. Not to .");
  });

  it("never sees what is known of the customer, nor addresses, wherever they stand", async () => {
    server.say = () => "Good news, <NAME_2> [1].";
    const answer = await ask(providers[kind](), "answer", {
      ...question,
      question: "ada here again, will you tell mr o'neil-byron?",
      history: [
        { role: "desk", text: "Hello Ada. It goes to 12 Oak Street, Denver, with 1Z999AA10123456784." },
        { role: "customer", text: "80 217 it is, for Will" },
      ],
      known: { names: ["Ada O'Neil-Byron", "Will"], postcodes: ["80 217"], emails: ["a+b@example.com"] },
    });
    const prompt = JSON.stringify(server.chats[0]!.messages.slice(1));
    expect(prompt).not.toMatch(/ada\b|neil|byron|oak|1Z999|217|for Will/i);
    expect(prompt).toContain("will you tell mr <NAME_");
    expect(answer.text).toMatch(/^Good news, (ada|o'neil-byron|Will)\.$/i);
  });

  it("may have no answer, or think aloud", async () => {
    const service = providers[kind]();
    server.say = () => "<think>hm</think> NO_ANSWER";
    expect(await codeOf(ask(service, "answer", question))).toBe("not_found");
    server.say = () => "<think>30 days?</think>30 days [1][7].";
    expect(await ask(service, "answer", question)).toMatchObject({
      text: "30 days.",
      citations: [{ id: "returns#1" }],
    });
  });

  it("sums up a conversation, and finds wishes that the customer wrote letter by letter", async () => {
    const service = providers[kind]();
    const turns = [
      { role: "customer", text: "I am ada.byron@example.com. Please  leave parcels with the baker." },
      { role: "desk", text: "Thank you, noted." },
      { role: "customer", text: "And write to ada.byron@example.com, never call" },
    ];
    const quotes = [
      "Please leave parcels with the baker",
      "leave parcels with the butcher",
      "write to <EMAIL_1>, never call",
      "Thank you, noted.",
    ];
    const facts = [
      ...quotes.map((quote) => ({ type: "instruction", quote })),
      { type: "order", quote: "x" },
      7,
    ];
    const digest = { summary: "The customer (<EMAIL_1>) has a\nwish.", facts };
    server.say = () => `Here it is:\n\`\`\`json\n${JSON.stringify(digest)}\n\`\`\``;
    expect(await ask(service, "digest", { turns })).toEqual({
      summary: "The customer (ada.byron@example.com) has a wish.",
      facts: [{ type: "instruction", text: "Please leave parcels with the baker" }],
      model: "llama3.2",
      modelMs: expect.any(Number),
    });
    expect(JSON.stringify(server.chats[0]!.messages)).not.toContain("byron");
    server.say = () => "It was a nice conversation.";
    expect(await codeOf(ask(service, "digest", { turns }))).toBe("not_found");
    server.say = () => '{"summary": 4, "facts": "none"}';
    expect(await ask(service, "digest", { turns })).toMatchObject({ facts: [] });
  });

  it("sums up nothing while customers wait for its answers", async () => {
    const service = providers[kind]({ concurrency: 1 });
    server.misbehave = "hang";
    const busy = codeOf(ask(service, "answer", { ...question, budgetMs: 500 }));
    await expect.poll(() => server.paths.length).toBeGreaterThan(0);
    const turns = [{ role: "customer", text: "hello" }];
    await expect(ask(service, "digest", { turns })).rejects.toThrow("customers to answer");
    expect(await busy).toBe("unavailable");
  });

  it("proposes calls of tools", async () => {
    server.say = () => ({ toolCalls: [{ name: "orders.get", arguments: { orderId: "W1234567" } }] });
    const tools = [{ name: "orders.get", description: "an order", parameters: { type: "object" } }];
    const result = await ask(providers[kind](), "chat", {
      messages: [
        { role: "user", content: "where is it" },
        { role: "assistant", content: "", toolCalls: [{ name: "orders.list", arguments: {} }] },
        { role: "tool", content: "[]", toolName: "orders.list" },
      ],
      tools,
    });
    expect(result.toolCalls).toEqual([{ name: "orders.get", arguments: { orderId: "W1234567" } }]);
    expect(server.chats[0]!.tools).toMatchObject([{ type: "function", function: { name: "orders.get" } }]);
  });

  it("encodes texts in their order, and lists its models", async () => {
    const service = providers[kind]();
    const { vectors } = await ask(service, "embed", { texts: ["a", "bb"] });
    expect(vectors).toHaveLength(2);
    expect(vectors[0]![0]).toBeCloseTo("a".charCodeAt(0) / 1000);
    expect(await ask(service, "models", {})).toEqual({ models: server.models });
    expect(service.health!()).toMatchObject({ state: "up", present: true });
  });

  it.each<Misbehaviour>(["hang", "stall", "error", "cut", "endless", "garbage"])(
    "that misbehaves (%s) is unavailable within the budget",
    async (how) => {
      server.misbehave = how;
      expect(await codeOf(ask(providers[kind](), "answer", { ...question, budgetMs: 400 }))).toBe(
        "unavailable",
      );
    },
  );

  it("that is gone is left alone after a few attempts, and found again", async () => {
    const provider = kind === "ollama" ? ollamaProvider(server.url) : openAiProvider({ url: server.url });
    const service = keep(modelAgent(provider, { model: "llama3.2", health: { openAfter: 2, openMs: 50 } }));
    server.misbehave = "error";
    for (let i = 0; i < 3; i++) expect(await codeOf(ask(service, "answer", question))).toBe("unavailable");
    const asked = server.paths.length;
    expect(service.health!().state).toBe("open");
    expect(await codeOf(ask(service, "answer", question))).toBe("unavailable");
    expect(server.paths.length).toBe(asked);
    server.misbehave = undefined;
    await expect.poll(() => service.health!().state).toBe("probing");
    expect(await ask(service, "answer", question)).toMatchObject({ model: "llama3.2" });
  });

  it("falls back to the smaller model", async () => {
    const service = providers[kind]({ fallbackModel: "small:1b" });
    server.say = ({ model }) => {
      if (model !== "small:1b") throw new Error("it crashed");
      return "30 days [1].";
    };
    expect(await ask(service, "answer", question)).toMatchObject({ text: "30 days.", model: "small:1b" });
  });

  it("asks another one where a conversation has that, and a bad one keeps nobody from its own", async () => {
    const service = providers[kind]();
    expect(await ask(service, "answer", { ...question, model: "small:1b" })).toMatchObject({
      model: "small:1b",
    });
    const { say } = server;
    server.say = (chat) => {
      if (chat.model === "broken") throw new Error("it crashed");
      return say(chat);
    };
    server.models.push("broken");
    for (let i = 0; i < 4; i++)
      expect(await codeOf(ask(service, "answer", { ...question, model: "broken" }))).toBe("unavailable");
    expect(service.health!()).toMatchObject({
      state: "up",
      others: { "small:1b": { state: "up" }, broken: { state: "open" } },
    });
    expect(await ask(service, "answer", question)).toMatchObject({ model: "llama3.2" });
  });

  it("counts its tokens and refuses a crowd", async () => {
    const service = providers[kind]();
    await ask(service, "answer", question);
    if (kind === "ollama") expect(service.health!().tokens).toEqual({ prompt: 50, completion: 12 });
    server.misbehave = "stall";
    const crowd = Array.from({ length: 14 }, () =>
      codeOf(ask(service, "answer", { ...question, budgetMs: 300 })),
    );
    expect(new Set(await Promise.all(crowd))).toEqual(new Set(["unavailable"]));
  });
});

describe("a model that is not in memory yet", () => {
  it("is loaded at start, and again when it was too slow, without anybody waiting", async () => {
    const service = providers.ollama();
    const loads = () => server.paths.filter((path) => path === "/api/generate").length;
    await service.start!();
    await expect.poll(loads).toBe(1);
    server.misbehave = "stall";
    await codeOf(ask(service, "answer", { ...question, budgetMs: 50 }));
    await expect.poll(loads).toBe(2);
  });
});

describe("addresses of an OpenAI-compatible server", () => {
  it.each(["", "/", "/v1", "/v1/", "/v1/chat/completions"])("may end in %j", async (end) => {
    expect(await ask(providers.openai({ url: `${server.url}${end}` }), "answer", question)).toMatchObject({
      model: "llama3.2",
      modelMs: expect.any(Number),
    });
  });
  it("may have no /v1 at all", async () => {
    server.openAiAt = "";
    const service = providers.openai();
    expect(await ask(service, "answer", question)).toMatchObject({ model: "llama3.2" });
    await ask(service, "answer", question);
    expect(server.paths).toEqual(["/v1/chat/completions", "/chat/completions", "/chat/completions"]);
  });
  it("may want a key", async () => {
    server.apiKey = "secret";
    expect(await codeOf(ask(providers.openai(), "answer", question))).toBe("unavailable");
    expect(await ask(providers.openai({ apiKey: "secret" }), "answer", question)).toMatchObject({
      model: "llama3.2",
      modelMs: expect.any(Number),
    });
  });
});

describe("without a model", () => {
  it("every ask is unavailable at once", async () => {
    const service = keep(modelService({ ...base, provider: "none" }));
    expect(await codeOf(ask(service, "answer", question))).toBe("unavailable");
    expect(service.health!()).toEqual({ state: "up", provider: "none" });
  });
  it("a provider that is named without one is an error of the configuration", () => {
    expect(() => modelService({ ...base, model: undefined, provider: "ollama" })).toThrow(/model.model/);
    expect(() => modelService({ ...base, provider: "openai" })).toThrow(/model.url/);
  });
});
