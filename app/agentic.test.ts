/** A desk whose conversations a model leads: over real HTTP to a server that speaks Ollama's API. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type OllamaDouble,
  ollamaDouble,
  type Said,
  type SeenChat,
} from "../actors/model/testing/ollama-double.ts";
import type { Customer, Order } from "../actors/skills/backoffice/types.ts";
import { Inventory } from "../actors/skills/inventory.ts";
import { FrozenDesk } from "../scenarios/frozen/index.ts";
import { recordingOf } from "../scenarios/recording/make.ts";
import { agentOpening } from "./agents.ts";
import { START_MS, say, TestedDesk } from "./testing.ts";

const BUDGET_MS = 3_000;

let server: OllamaDouble;
let desk: TestedDesk;
let customer: Customer;
let order: Order;
beforeAll(async () => {
  server = await ollamaDouble();
  desk = await TestedDesk.start({
    model: { provider: "ollama", url: server.url, model: "llama3.2", timeoutMs: BUDGET_MS },
    agentic: { enabled: true, skills: ["orders.get", "orders.cancel"] },
  });
  ({ customer, order } = await desk.customerWith(({ status }) => status === "pending"));
}, START_MS);
afterAll(async () => {
  await desk?.remove();
  await server?.close();
});
beforeEach(() => {
  server.misbehave = undefined;
  server.chats.length = 0;
});

const of = (name: string, given: object): Said => ({ toolCalls: [{ name, arguments: given }] });
/** What it was told last, by the desk or the customer. */
const last = ({ messages }: SeenChat) => messages.at(-1)!;
const token = (chat: SeenChat): string => /<ORDER_\d+>/.exec(JSON.stringify(chat.messages))![0];
const present = async () => (await desk.desk.backOffice.get("orders", order.id))!.status;

describe("a model that leads", () => {
  it("looks up, asks, and has done what it was told to, without knowing whose records they are", async () => {
    server.say = (chat) => {
      const { role, content } = last(chat);
      if (role === "tool" && content.includes('"cancelled"')) return `Order ${token(chat)} is cancelled.`;
      if (role === "tool") return `Order ${token(chat)} is pending. Shall I cancel it?`;
      if (content.startsWith("yes"))
        return of("orders__cancel", { orderId: token(chat), reason: "no_longer_needed" });
      return of("orders__get", { orderId: token(chat) });
    };
    const driver = await desk.conversation(customer.id);
    expect(await say(driver, `Is ${order.id} on its way?`)).toBe(
      `Order ${order.id} is pending. Shall I cancel it?`,
    );
    expect(await present()).toBe("pending");
    expect(await say(driver, "yes, please")).toBe(`Order ${order.id} is cancelled.`);
    expect(await present()).toBe("cancelled");
    const prompts = JSON.stringify(server.chats.map(({ messages }) => messages));
    for (const secret of [customer.email, customer.lastName, order.id, customer.address.line1])
      expect(prompts, secret).not.toContain(secret);
    // All of it is on the record: it replays without server, model and back office.
    const records = await desk.desk.node.recordsOfKey(driver.id);
    const frozen = new FrozenDesk();
    const result = await frozen.play(recordingOf("led", records, desk.desk.recorded), { verify: true });
    await frozen.close();
    expect(result).toMatchObject({ status: "passed", lostMessages: 0, duplicatedSkillCalls: 0 });
    expect(result.skillCalls).toBeGreaterThan(5);
  });

  it("does not say what no tool answered, and does not get at other people's orders", async () => {
    const [other] = (await desk.desk.backOffice.list("orders")).filter(
      ({ customerId }) => customerId !== customer.id,
    );
    let tried = 0;
    server.say = (chat) => {
      if (tried++ === 0) return of("orders__get", { orderId: token(chat) });
      return last(chat).content.includes("This was not said")
        ? "I can't say."
        : "It was delivered on 3 May 2031.";
    };
    const driver = await desk.conversation(customer.id);
    expect(await say(driver, `Where is ${other!.id}?`)).toBe("I can't say.");
    expect(JSON.stringify(server.chats)).toMatch(/not_found|forbidden/);
  });

  it("is done without while it does not answer: playbooks take the turn", async () => {
    server.misbehave = "error";
    const driver = await desk.conversation();
    expect(await say(driver, "Where is my order?")).toMatch(/e-mail/);
  });
});

describe("its configuration", () => {
  const inventory = new Inventory();
  const config = (agentic: object, provider = "ollama") =>
    ({ agentic: { enabled: true, skills: [], ...agentic }, model: { provider } }) as never;

  it("names skills that there are, and needs a model", () => {
    expect(agentOpening(config({ enabled: false }), inventory)).toBeUndefined();
    expect(agentOpening(config({ skills: ["orders.get"] }), inventory)).toMatchObject({
      skills: expect.arrayContaining(["orders.get", "desk.verify", "desk.handoff"]),
    });
    expect(() => agentOpening(config({ skills: ["orders.steal"] }), inventory)).toThrow(
      /no skill orders\.steal/,
    );
    expect(() => agentOpening(config({}, "none"), inventory)).toThrow(/needs a model/);
  });
});
