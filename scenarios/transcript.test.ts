import { expect, it } from "vitest";
import { saidAndDone } from "./transcript.ts";

const conversation = "conversation/c1/c1";
const answer = (name: string, service: string, operation: string) => ({
  type: "host.answer",
  from: `service/c1/${service}`,
  to: conversation,
  clear: { name, service, operation, key: name },
});
const message = {
  type: "customer.message",
  from: "channel/c1/c1",
  to: conversation,
  data: { text: "Hello" },
};
const reply = { type: "reply", from: conversation, to: "channel/c1/c1", data: { text: "Hello Ada" } };
const kept = {
  type: "host.ask",
  from: conversation,
  to: "service/c1/memory",
  clear: { name: "remembered.4", service: "memory", operation: "turns", key: "k" },
};

it("is the same whichever of what was asked at once answers first", () => {
  const [understood, looked, recalled] = [
    answer("understand.1", "language", "understand"),
    answer("identify.2", "crm", "get"),
    answer("recall.10", "memory", "recall"),
  ];
  const want = [
    ["customer", "Hello"],
    ["desk", "Hello Ada"],
    ["skill", "language.understand"],
    ["skill", "crm.get"],
    ["skill", "memory.turns"],
    ["skill", "memory.recall"],
  ];
  expect(saidAndDone([message, understood, looked, recalled, reply, kept])).toEqual(want);
  expect(saidAndDone([message, recalled, understood, looked, kept, reply])).toEqual(want);
  expect(saidAndDone([message, understood, recalled, reply, kept])).not.toEqual(want);
});
