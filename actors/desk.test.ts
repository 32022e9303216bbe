/**
 * The durable agents together over a real log: real playbooks, skills and back office. Only intents are told by words
 * here, because the classifier has tests of its own.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { address } from "../runtime/address.ts";
import type { Service } from "../runtime/host/service.ts";
import { TestDesk } from "../runtime/host/testing.ts";
import { newId } from "../runtime/ids.ts";
import type { JsonObject } from "../runtime/json.ts";
import { withCustomerKey } from "./customer/index.ts";
import { dataAgents, Faults } from "./data/index.ts";
import { actorDefinitions } from "./definitions.ts";
import { HandoffDesk } from "./handoff/index.ts";
import { readSignals } from "./language/signals.ts";
import { SlotExtractor, yesNo } from "./language/slots/index.ts";
import { loadPlaybooks, SHOP_PLAYBOOKS } from "./playbooks/index.ts";
import { Inventory } from "./skills/inventory.ts";
import { NOW, type TestOffice, testOffice } from "./skills/testing.ts";

const INTENTS: readonly (readonly [string, RegExp])[] = [
  ["order_status", /where is (?:my order|it)|track/i],
  ["cancel_order", /\bcancel\b/i],
  ["return_refund", /\breturn\b/i],
];

function languageService(): Service {
  const slots = new SlotExtractor();
  return {
    name: "language",
    operations: {
      understand: async ({ text, expecting }) => {
        const intent = INTENTS.find(([, pattern]) => pattern.test(text))?.[0];
        return {
          language: "en",
          intent: intent ? { name: intent, confidence: 0.9 } : null,
          alternatives: [],
          requests: intent ? [{ intent, confidence: 0.9, text }] : [],
          entities: slots.extract(text, { expecting }) as unknown as JsonObject[],
          yesNo: yesNo(text),
          signals: readSignals(text) as unknown as JsonObject,
          masked: text,
          topics: [],
        };
      },
      ground: async () => ({ ok: true, unsupported: [] }),
    },
  };
}

const nothing: Service[] = [
  { name: "knowledge", operations: { search: async () => ({ passages: [], best: null }) } },
  {
    name: "memory",
    operations: { recall: async () => ({ facts: [] }), remember: async () => ({}), turn: async () => ({}) },
  },
];

let office: TestOffice;
let desk: TestDesk;
let people: HandoffDesk;
const faults = new Faults();

beforeAll(async () => {
  office = await testOffice();
  const inventory = new Inventory();
  const clock = { now: () => NOW, monotonic: () => performance.now() };
  const data = dataAgents({ backOffice: office.office, inventory, clock, faults, backoffMs: 1 });
  const services = [
    ...data.map((s) => (s.name === "crm" ? withCustomerKey(s, (purpose, v) => `${purpose}-${v}`) : s)),
    languageService(),
    ...nothing,
  ];
  desk = await TestDesk.start({
    definitions: actorDefinitions({
      workspace: "test",
      playbooks: loadPlaybooks([SHOP_PLAYBOOKS], inventory),
      skills: inventory,
      task: { backoffMs: 10 },
      handoff: { acceptMs: 60_000 },
    }),
    services,
  });
  people = new HandoffDesk(desk.node);
});
afterAll(async () => {
  await desk?.stop();
  await office?.close();
});

/** A customer who writes and waits for the answer. */
class Customer {
  readonly id = newId();
  readonly to = address("conversation", this.id);

  async open(customer: JsonObject = {}, vouched = false): Promise<this> {
    await desk.send(this.to, "conversation.open", { channel: "chat", customer, vouched });
    return this;
  }

  async records(event: string): Promise<JsonObject[]> {
    const records = await desk.node.records(address("channel", this.id));
    return records.filter((r) => r.type === event).map((r) => ({ ...r.data, ...r.clear }));
  }

  async say(text: string): Promise<string> {
    const messageId = newId();
    await desk.send(this.to, "customer.message", { text }, messageId);
    const reply = await desk.until(
      async () => (await this.records("reply")).find((r) => (r.answers as string[])?.includes(messageId)),
      `an answer to ${text}`,
    );
    return String(reply.text);
  }

  async hears(pattern: RegExp): Promise<string> {
    const reply = await desk.until(
      async () => (await this.records("reply")).find((r) => pattern.test(String(r.text))),
      `a reply like ${pattern}`,
    );
    return String(reply.text);
  }

  async view(): Promise<any> {
    return (await desk.node.read(this.to))?.view;
  }
}

describe("a desk", () => {
  it("verifies a customer, tells about an own order, and refuses somebody else's", async () => {
    const maya = await new Customer().open();
    expect(await maya.say("where is my order W2001012?")).toContain("make sure that it's you");
    const told = await maya.say("My postcode is 95611.");
    expect(told).toMatch(/Thank you, Maya\.[\s\S]*W2001012[\s\S]*shipped/);
    const foreign = await maya.say("and where is my order W2001031?");
    expect(foreign).toContain("only talk about orders on your own account");
    expect(foreign).not.toContain("Espresso");
    expect((await maya.view()).customer).toMatchObject({ verified: true, key: "customer-C1001" });
  });

  it("cancels an order through a task, once", async () => {
    const maya = await new Customer().open({ id: "C1001" }, true);
    await maya.say("please cancel W2001011");
    // What the playbook under way knows; of the order its number alone.
    expect((await maya.view()).slots).toMatchObject({ order: "W2001011", orders: ["W2001011"] });
    for (let i = 0; i < 4; i++) {
      const order = await office.office.get("orders", "W2001011");
      if (order?.status === "cancelled") break;
      await maya.say(i === 0 ? "I no longer need it" : "yes");
    }
    expect((await office.office.get("orders", "W2001011"))?.status).toBe("cancelled");
    await maya.hears(/cancelled/i);
  });

  it("asks a person to approve, and goes on when he does", async () => {
    const priya = await new Customer().open({ id: "C1003" }, true);
    await priya.say("I want to return the espresso machine from W2001031");
    await priya.say("yes");
    const [approval] = await desk.until(async () => {
      const open = (await people.list()).filter((e) => e.kind === "approval" && e.conversation === priya.id);
      return open.length > 0 ? open : undefined;
    }, "an approval");
    await priya.hears(/approved by a colleague/);
    await people.decide(approval!.id, "Ann", true, "fine");
    await priya.hears(/Your return from order .* is arranged/);
    const order = await office.office.get("orders", "W2001031");
    expect(order?.changes).toHaveLength(1);
  });

  it("hands over when a system is down, and lets a person answer and hand back", async () => {
    faults.set("orders", { mode: "down" });
    try {
      const maya = await new Customer().open({ id: "C1001" }, true);
      await maya.say("where is my order W2001012?");
      const [entry] = await desk.until(async () => {
        const open = (await people.list()).filter((e) => e.conversation === maya.id);
        return open.length > 0 ? open : undefined;
      }, "a hand-off");
      const outcomes = await desk.until(async () => {
        const found = await maya.records("outcome");
        return found.length > 0 ? found : undefined;
      }, "the outcome");
      expect(outcomes).toMatchObject([{ outcome: "handed_off" }]);
      await people.reply(entry!.id, "Ann", "Hello Maya, it arrives tomorrow.");
      await maya.hears(/arrives tomorrow/);
      await expect(people.reply(entry!.id, "Bob", "Me too")).rejects.toThrow(/Ann already answers/);
      await people.return(entry!.id, "Ann", { summary: "Told her the date." });
      await maya.hears(/I.m back/);
      await desk.until(async () => (await maya.view())?.state === "listening", "the machine to listen");
      await desk.until(
        async () => !(await people.list()).some((e) => e.id === entry!.id),
        "the entry to leave the list",
      );
    } finally {
      faults.set("orders", null);
    }
  });

  it("goes on where it was after a crash", async () => {
    const maya = await new Customer().open();
    await maya.say("where is my order W2001012?");
    await desk.crash();
    await desk.up();
    people = new HandoffDesk(desk.node);
    expect(await maya.say("95611")).toMatch(/W2001012[\s\S]*shipped/);
  });

  it("breaks nothing on the way", () => {
    expect(desk.warnings.filter((w) => /diverg|quarant/i.test(w.message))).toEqual([]);
  });
});
