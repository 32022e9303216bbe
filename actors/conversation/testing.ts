/** A conversation in a test: a small desk around the driver, with answers that a test can change. */
import { address } from "../../runtime/address.ts";
import {
  type AnyStateMachine,
  type AskEffect,
  enqueueActions,
  sendParent,
  setup,
} from "../../runtime/host/machine.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { DEFAULT_POLICY, type Policy } from "../orchestrator/policy.ts";
import type { PlaybookCommand, PlaybookEvent, PlaybookInput } from "../playbooks/protocol.ts";
import { Inventory } from "../skills/inventory.ts";
import { Driver, Failed } from "../testing/driver.ts";
import { conversationMachine } from "./machine.ts";
import { DIALOG_DEFAULTS, type DialogOptions, type PlaybookCatalog } from "./options.ts";

type Reaction = (event: PlaybookEvent, input: PlaybookInput) => PlaybookCommand[];

/** A playbook that answers each event with commands. */
export function scripted(
  begin: (input: PlaybookInput) => PlaybookCommand[],
  react: Reaction,
): AnyStateMachine {
  const send = (commands: PlaybookCommand[], enqueue: any): void => {
    for (const command of commands) enqueue(sendParent(command as never));
  };
  return setup({ types: {} as { context: PlaybookInput; input: PlaybookInput } }).createMachine({
    context: ({ input }: any) => input,
    entry: enqueueActions(({ context, enqueue }: any) => send(begin(context), enqueue)),
    on: {
      "*": {
        actions: enqueueActions(({ context, event, enqueue }: any) => send(react(event, context), enqueue)),
      },
    },
  } as any) as unknown as AnyStateMachine;
}

const WHICH = { slots: ["order_number"], step: "which", what: "ask" } as const;
const say = (text: string): PlaybookCommand => ({ type: "pb.say", text });

/** Shows where an order is: verifies, asks for the number, looks it up. */
const orderStatus = scripted(
  () => [{ type: "pb.verify" }],
  (event) => {
    if (event.type === "customer.verified" || event.type === "resume") {
      return [say("Which order is it?"), { type: "pb.expect", ...WHICH }];
    }
    if (event.type === "turn") {
      const order = event.understanding.entities.find((e) => e.type === "order_number");
      if (!order) return [say("Please give me the number of the order."), { type: "pb.expect", ...WHICH }];
      return [
        {
          type: "pb.call",
          name: "get",
          skill: "orders.get",
          input: { customerId: "x", orderId: order.value },
        },
      ];
    }
    if (event.type === "call.done") {
      return [
        say(`Order ${(event.value as any).id} is ${(event.value as any).status}.`),
        { type: "pb.done", result: "resolved" },
      ];
    }
    if (event.type === "call.failed" && event.error.code === "not_found") {
      return [
        say("I can't find that order in your account. Which one is it?"),
        { type: "pb.expect", ...WHICH },
      ];
    }
    return [
      {
        type: "pb.handoff",
        reason: "system_down",
        sentence: "I can't look up orders right now, so a colleague will answer you here.",
        summary: "Order status; orders are down",
      },
      { type: "pb.done", result: "handed_off" },
    ];
  },
);

/** Pays something back after a yes, through a task. */
const refund = scripted(
  () => [
    say("Shall I refund 300.00 EUR?"),
    { type: "pb.expect", slots: ["yes_no"], step: "sure", what: "confirm" },
  ],
  (event) => {
    if (event.type === "resume") {
      return [
        say("Shall I refund 300.00 EUR?"),
        { type: "pb.expect", slots: ["yes_no"], step: "sure", what: "confirm" },
      ];
    }
    if (event.type === "turn") {
      if (event.understanding.yesNo === "yes") {
        return [
          {
            type: "pb.task",
            name: "pay",
            steps: [{ skill: "payments.refund", input: { amount: 300 } }],
            approval: { what: "Refund of 300.00 EUR", amount: 300 },
          },
        ];
      }
      if (event.understanding.yesNo === "no")
        return [say("Nothing was refunded."), { type: "pb.done", result: "declined" }];
      return [
        say("Please say yes or no."),
        { type: "pb.expect", slots: ["yes_no"], step: "sure", what: "confirm" },
      ];
    }
    if (event.type === "approval" && event.state === "pending") {
      return [
        say("A colleague has to approve this; I'll tell you here."),
        { type: "pb.expect", slots: [], step: "pay", what: "approval" },
      ];
    }
    if (event.type === "task.done")
      return [say("The refund is on its way."), { type: "pb.done", result: "resolved" }];
    if (event.type === "task.failed")
      return [say("The refund was not approved."), { type: "pb.done", result: "failed" }];
    return [];
  },
);

/** Breaks on the first turn. */
const broken = scripted(
  () => [say("Tell me more."), { type: "pb.expect", slots: [], step: "x", what: "ask" }],
  () => {
    throw new Error("a bug in a playbook");
  },
);

/** Notes a preference. */
const contact = scripted(
  () => [
    { type: "pb.remember", factType: "preference", value: "email", text: "prefers e-mail" },
    say("Noted: by e-mail."),
    { type: "pb.done", result: "resolved" },
  ],
  () => [],
);

const ENTRIES: Record<string, { label: string; machine: AnyStateMachine }> = {
  order_status: { label: "see where an order is", machine: orderStatus },
  refund: { label: "get a refund", machine: refund },
  broken: { label: "break", machine: broken },
  contact: { label: "set how we contact you", machine: contact },
};

const playbooks: PlaybookCatalog = {
  forIntent: (intent) => {
    const entry = ENTRIES[intent];
    // Registries give more than the conversation may keep.
    return entry && { name: intent, src: `${intent}@1`, label: entry.label, compile: () => entry.machine };
  },
  machines: Object.fromEntries(Object.entries(ENTRIES).map(([name, { machine }]) => [`${name}@1`, machine])),
};

/** Understands a few words, in the form that the language agent answers. */
export function understand(text: string): JsonObject {
  const has = (pattern: RegExp): boolean => pattern.test(text);
  const entities: JsonObject[] = [];
  const find = (type: string, pattern: RegExp): void => {
    for (const m of text.matchAll(pattern)) {
      entities.push({ type, value: m[0], text: m[0], start: m.index, end: m.index + m[0].length });
    }
  };
  find("order_number", /\bW\d{7}\b/g);
  find("email", /[\w.]+@[\w.]+\w/g);
  find("postcode", /\b\d{5}\b/g);
  const requests: JsonObject[] = [];
  const request = (intent: string, pattern: RegExp, confidence = 0.9): void => {
    const m = pattern.exec(text);
    if (m) requests.push({ intent, confidence, text: m[0], at: m.index });
  };
  request("order_status", /where is my order[^.]*/i);
  request("refund", /i want a refund[^.]*/i);
  request("broken", /break it/i);
  request("contact", /contact me by e-mail/i);
  requests.sort((a, b) => (a.at as number) - (b.at as number));
  const maybe = has(/something about money/i)
    ? [
        { name: "refund", confidence: 0.4 },
        { name: "order_status", confidence: 0.3 },
      ]
    : [];
  const first = requests[0];
  return {
    language: "en",
    intent: first ? { name: first.intent!, confidence: first.confidence! } : null,
    alternatives: maybe,
    requests: requests.map(({ at: _at, ...r }) => r),
    entities,
    yesNo: has(/^yes\b/i) ? "yes" : has(/^no\b/i) ? "no" : null,
    signals: {
      wantsHuman: has(/speak to a human/i),
      angry: has(/ridiculous|outrageous/i),
      thanks: has(/\bthanks\b/i),
      goodbye: has(/\bbye\b/i),
      greeting: has(/^hello/i),
      stop: has(/never mind/i),
      injection: has(/ignore (all|your) previous instructions/i),
      emojiOnly: has(/^\p{Extended_Pictographic}+$/u),
      empty: text.trim() === "",
      controlCharacters: false,
    },
    masked: text,
    topics: text.toLowerCase().match(/\w{4,}/g) ?? [],
  };
}

export interface TalkOptions {
  readonly dialog?: Partial<DialogOptions>;
  readonly policy?: Policy;
  readonly open?: JsonObject;
}

/** One customer's conversation. */
export class Talk {
  readonly driver: Driver;
  /** Answers by `<service>.<operation>`; a function, a value, or undefined to leave it open. */
  readonly answers: Record<
    string,
    ((ask: AskEffect) => JsonObject | Failed | undefined) | JsonObject | Failed
  > = {
    "language.understand": (ask) => understand(String(ask.input.text)),
    "language.ground": { ok: true, unsupported: [] },
    "knowledge.search": { passages: [], best: null },
    "model.answer": new Failed("unavailable"),
    "memory.recall": { facts: [] },
    "memory.remember": {},
    "memory.turns": {},
    "memory.summarise": {},
    "model.digest": new Failed("unavailable"),
    "crm.verify": (ask) => verify(ask.input),
    "crm.customer": { id: "c1", firstName: "Mary", lastName: "Poole", name: "Mary Poole", customerKey: "k1" },
    "orders.match": {
      orders: [
        {
          id: "W1234567",
          status: "delivered",
          items: [{ name: "Lamp", price: 20 }],
          total: 20,
          currency: "EUR",
        },
      ],
    },
    "orders.get": (ask) => ({ id: ask.input.orderId!, customerId: ask.input.customerId!, status: "shipped" }),
  };

  constructor(options: TalkOptions = {}) {
    const machine = conversationMachine({
      dialog: { ...DIALOG_DEFAULTS, ...options.dialog },
      playbooks,
      policy: options.policy ?? DEFAULT_POLICY,
      recordSystems: ["crm", "orders", "billing", "telemetry"],
      skills: new Inventory(),
      orchestrator: address("orchestrator", "test"),
    });
    this.driver = new Driver(machine, "conversation", "conv", "conv", (ask) => {
      const answer = this.answers[`${ask.service}.${ask.operation}`];
      return typeof answer === "function" ? answer(ask) : answer;
    });
    this.driver.send("conversation.open", { channel: "chat", customer: {}, vouched: false, ...options.open });
  }

  /** The customer writes; answers what the desk replies to it. */
  say(text: string): string[] {
    const before = this.replies.length;
    this.driver.send("customer.message", { text });
    return this.replies.slice(before);
  }

  get replies(): string[] {
    return this.driver.told("channel", "reply").map((e) => String(e.data.text));
  }

  get outcomes(): unknown[] {
    return this.driver.told("channel", "outcome").map((e) => e.data.outcome);
  }

  get state(): string {
    return this.driver.state;
  }

  get d(): any {
    return this.driver.context.d;
  }

  /** The hand-off entries that were opened. */
  get handoffs(): JsonObject[] {
    return this.driver.told("handoff", "handoff.open").map((e) => ({ id: e.to.id, ...e.data }));
  }
}

/** One in which the customer has asked for an order and is verified. */
export function verified(): Talk {
  const talk = new Talk();
  talk.say("where is my order?");
  talk.say("mary@example.com, 12345");
  return talk;
}

function verify(input: JsonObject): JsonObject {
  const emails = input.emails as string[];
  const postcodes = input.postcodes as string[];
  if (emails.length === 0 || postcodes.length === 0) {
    const options = [
      ["order", "email"],
      [...(emails.length ? [] : ["email"]), ...(postcodes.length ? [] : ["postcode"])],
    ];
    return { verified: false, reason: "need_more", options };
  }
  if (!emails.includes("mary@example.com") || !postcodes.includes("12345")) {
    return { verified: false, reason: "no_match", options: [] };
  }
  return {
    verified: true,
    customerId: "c1",
    customerKey: "k1",
    name: "Mary Poole",
    firstName: "Mary",
    email: "mary@example.com",
    how: ["email", "postcode"],
  };
}
