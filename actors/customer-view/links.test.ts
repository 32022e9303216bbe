import { expect, it } from "vitest";
import type { Link, LinkEnd, Parts } from "./answer.ts";
import { linksOf } from "./links.ts";

const at = "2026-11-22T12:00:00.000Z";
const part = <T>(source: string, data: T) => ({ source, asOf: at, ageMs: 0, data });
const said = (conversation: string) => ({ conversation, at });
const fact = (id: string, value: unknown, conversation: string) => ({
  id,
  type: "note",
  text: "words",
  value,
  confidence: 1,
  validFrom: at,
  recordedAt: at,
  ageMs: 0,
  said: said(conversation),
});

const parts: Parts = {
  orders: part("orders", [
    { id: "W1", items: [{ productId: "P1" }, { productId: "P2" }, { productId: "P1" }] },
    { id: "W2" },
  ]),
  invoices: part("billing", [
    { id: "I1", orderId: "W1" },
    { id: "I2", subscriptionId: "S1" },
  ]),
  subscriptions: part("billing", [{ id: "S1", planId: "plus" }]),
  conversations: part("desk", [
    { id: "c1", orders: ["W1"], handoff: { id: "c1-h1", state: "queued" } },
    { id: "c2", orders: [] },
  ]),
  facts: part("memory", [
    fact("f1", { order: "W1" }, "c1"),
    fact("f2", { order: "W9" }, "c3"),
    fact("f3", "Plus", "c2"),
  ]),
};

const line = ({ type, from, to, source }: Link) =>
  `${from.kind} ${from.id} ${type} ${to.kind} ${to.id} (${source})`;

it("names each connection once, with who says so", () => {
  expect(linksOf("C1", parts).map(line)).toEqual([
    "customer C1 placed order W1 (orders)",
    "order W1 contains product P1 (orders)",
    "order W1 contains product P2 (orders)",
    "customer C1 placed order W2 (orders)",
    "customer C1 holds subscription S1 (billing)",
    "subscription S1 on plan plus (billing)",
    "customer C1 received invoice I1 (billing)",
    "invoice I1 bills order W1 (billing)",
    "customer C1 received invoice I2 (billing)",
    "invoice I2 bills subscription S1 (billing)",
    "customer C1 took_part_in conversation c1 (desk)",
    "conversation c1 about order W1 (desk)",
    "conversation c1 handed_to handoff c1-h1 (desk)",
    "customer C1 took_part_in conversation c2 (desk)",
    // Older than the conversations that are shown, and remembered.
    "customer C1 took_part_in conversation c3 (memory)",
    "conversation c3 about order W9 (memory)",
  ]);
});

it("leads from the customer to every end, whichever parts are missing", () => {
  for (const left of [[], ...Object.keys(parts).map((name) => [name]), ["orders", "conversations"]]) {
    const links = linksOf(
      "C1",
      Object.fromEntries(Object.entries(parts).filter(([name]) => !left.includes(name))),
    );
    const name = ({ kind, id }: LinkEnd) => `${kind} ${id}`;
    const reached = new Set(["customer C1"]);
    for (let before = 0; before < reached.size; ) {
      before = reached.size;
      for (const { from, to } of links) if (reached.has(name(from))) reached.add(name(to));
    }
    const ends = new Set(links.flatMap(({ from, to }) => [name(from), name(to)]));
    expect(
      [...ends].filter((end) => !reached.has(end)),
      `without ${left}`,
    ).toEqual([]);
  }
});

it("of a customer of whom nothing is known there are none", () => {
  expect(linksOf("C1", {})).toEqual([]);
});
