import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../runtime/json.ts";
import { type RecordedCall, recordedModel } from "./index.ts";

const context = { idempotencyKey: "k", deadline: Date.now() + 60_000, signal: new AbortController().signal };
const calling = (calls: readonly RecordedCall[]) => {
  const service = recordedModel(calls);
  const ask = (operation: string, input: JsonObject): Promise<JsonObject> =>
    service.operations[operation]!(input, context);
  const codeOf = (operation: string, input: JsonObject) => ask(operation, input).catch((error) => error.code);
  return { service, ask, codeOf };
};

describe("a model from recordings", () => {
  it("answers the same question, whatever was found for it, and no other", async () => {
    const { ask, codeOf, service } = calling([
      {
        operation: "answer",
        input: { question: "Which airline?", passages: [{ id: "a", text: "old" }] },
        value: { text: "Bluebird.", model: "llama3.2", modelMs: 800 },
      },
      {
        operation: "digest",
        input: { turns: [{ role: "customer", text: "hi" }] },
        value: { summary: "A greeting." },
      },
    ]);
    // How long it took then is not how long it takes now.
    expect(await ask("answer", { question: "Which airline? ", passages: [] })).toEqual({
      text: "Bluebird.",
      model: "llama3.2",
    });
    expect(await ask("digest", { turns: [{ role: "customer", text: "hi" }], budgetMs: 5 })).toEqual({
      summary: "A greeting.",
    });
    expect(await codeOf("answer", { question: "Which railway?" })).toBe("unavailable");
    expect(await codeOf("chat", { messages: [] })).toBe("unavailable");
    expect(await codeOf("answer", { passages: [] })).toBe("invalid");
    expect(service.health!()).toMatchObject({ state: "up", provider: "recorded", answers: 2, missing: 1 });
  });

  it("proposes to the same words what was proposed then, one after the other, however far it was told", async () => {
    const user = (content: string) => ({ role: "user", content });
    const tool = { role: "tool", content: '{"status":"pending"}' };
    const told = (from: number, ...messages: JsonObject[]) => ({
      conversation: "then",
      from,
      messages,
      skills: [],
    });
    const proposal = (text: string) => ({ text, calls: [], model: "llama3.2", modelMs: 3 });
    const first = { ...told(0, user("Where is it?")), whole: true };
    const { ask, codeOf } = calling([
      { operation: "propose", input: first, value: proposal("let me look") },
      {
        operation: "propose",
        input: told(1, { role: "assistant", content: "let me look" }, tool),
        value: proposal("It is pending."),
      },
      {
        operation: "propose",
        input: told(3, { role: "assistant", content: "It is pending." }, user("Thanks")),
        value: proposal("Bye."),
      },
    ]);
    const now = (input: JsonObject) => ask("propose", { ...input, conversation: "now" });
    expect(await now(first)).toMatchObject({ text: "let me look" });
    // What the desk's tools say by now is not what they said then.
    const second = told(
      1,
      { role: "assistant", content: "let me look" },
      { ...tool, content: '{"status":"sent"}' },
    );
    expect(await now(second)).toMatchObject({ text: "It is pending." });
    expect(await now(second)).toMatchObject({ text: "It is pending." });
    const last = told(3, { role: "assistant", content: "It is pending." }, user("Thanks"));
    expect(await now(last)).toMatchObject({ text: "Bye." });
    // Whoever was not told what came before says so, and is told the whole.
    expect(await codeOf("propose", { ...last, conversation: "other" })).toBe("conflict");
    const whole = { ...first, messages: [...first.messages, ...second.messages, ...last.messages] };
    expect(await ask("propose", { ...whole, conversation: "other" })).toMatchObject({ text: "Bye." });
    expect(await codeOf("propose", { ...first, messages: [user("What?")], conversation: "third" })).toBe(
      "unavailable",
    );
  });
});
