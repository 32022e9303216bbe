/** What the compiler refuses, each with its place in the file. */
import { describe, expect, it } from "vitest";
import { formatDiagnostic, PlaybookError } from "../language/diagnostics.ts";
import { readPlaybook } from "../language/read.ts";
import type { SkillCatalog, SkillFacts } from "../protocol.ts";
import { lintPlaybook } from "./lint.ts";

const base = { honoursKeys: true, consequential: false, failureCodes: ["not_found"] } as const;
const SKILLS: Record<string, SkillFacts> = {
  "orders.match": { ...base, effect: "read" },
  "orders.list": { ...base, effect: "read" },
  "orders.get": { ...base, effect: "read", inputs: { required: ["customerId", "orderId"], optional: [] } },
  "orders.cancel": {
    ...base,
    effect: "write",
    consequential: true,
    compensatedBy: "orders.reopen",
    reasons: ["not_cancellable"],
  },
  "orders.reopen": { ...base, effect: "write" },
  "orders.note": { ...base, effect: "write" },
  "mail.send": { ...base, effect: "write", consequential: true },
};
const catalog: SkillCatalog = { get: (name) => SKILLS[name], names: () => Object.keys(SKILLS) };

const HEAD = `playbook: test
version: 1
title: A test
description: For the tests.
intents: { test: { examples: [do the test] } }
verify: true
slots:
  order: { type: order }
  email: { type: email, ask: "Which address?" }
on: { failed: trouble, unclear: trouble, none: trouble }
steps:
`;
const TAIL = `
  - id: trouble
    handoff: A colleague will help you.
    reason: trouble
`;

/** The complaints about these steps, which stand from line 12 on. */
function complaints(steps: string, head = HEAD): string[] {
  try {
    return lintPlaybook(readPlaybook(head + steps + TAIL, "t.yaml"), catalog).map(formatDiagnostic);
  } catch (error) {
    if (error instanceof PlaybookError) return error.diagnostics.map(formatDiagnostic);
    throw error;
  }
}
const GOOD = `  - ask: order
  - ask: email
  - say: "{{ order.id }} {{ email }}"
  - end: resolved
`;
const ask = "  - ask: order\n  - ask: email\n";

describe("the linter", () => {
  it("has nothing to say about a sound playbook", () => {
    expect(complaints(GOOD)).toEqual([]);
  });

  it.each<[what: string, steps: string, expected: RegExp]>([
    ["an unreachable step", `${GOOD}  - say: never\n  - end: resolved\n`, /t\.yaml:16:5 unreachable/],
    ["a missing end", `${ask}  - say: hello\n`, /14:5 falls-into-failure/],
    ["a slot read before it is filled", `  - say: "{{ order.id }}"\n${GOOD}`, /12:5 not-filled: "order\.id"/],
    [
      "a slot filled on one way only",
      `  - if: now > 1\n    do: [{ ask: order }]\n  - say: "{{ order.id }}"\n  - ask: email\n  - end: resolved\n`,
      /not-filled/,
    ],
    [
      "an unknown slot",
      `${ask}  - ask: ordr\n  - end: resolved\n`,
      /14:5 unknown-slot: .*did you mean "order"/,
    ],
    ["an unknown step", `${ask}  - goto: troubel\n`, /unknown-step: .*did you mean "trouble"/],
    ["an unknown verb", `${ask}  - sya: hello\n  - end: resolved\n`, /14:5 unknown-step.*did you mean "say"/],
    [
      "an unknown key",
      `${ask}  - say: hello\n    quickReplys: [a]\n  - end: resolved\n`,
      /15:5 unknown-key.*"quickReplies"/,
    ],
    [
      "an unknown path",
      `${ask}  - say: "{{ order.totl }}"\n  - end: resolved\n`,
      /14:5 unknown-path.*"total"/,
    ],
    ["an unknown name", `${ask}  - say: "{{ ordre.id }}"\n  - end: resolved\n`, /unknown-path.*"order"/],
    [
      "a text with what may be missing",
      `${ask}  - say: "{{ order.deliveredAt | date }}"\n  - end: resolved\n`,
      /14:5 maybe-missing: "order\.deliveredAt"/,
    ],
    [
      "an unknown formatter",
      `${ask}  - say: "{{ order.id | shout }}"\n  - end: resolved\n`,
      /template: .*shout/,
    ],
    [
      "a broken condition",
      `${ask}  - if: order.id ===\n    do: [{ end: resolved }]\n  - end: resolved\n`,
      /expression/,
    ],
    ["an unknown skill", `${ask}  - call: orders.gte\n  - end: resolved\n`, /unknown-skill.*"orders\.get"/],
    [
      "a missing input",
      `${ask}  - call: orders.get\n    with: { customerId: "{{ customer.id }}" }\n  - end: resolved\n`,
      /skill-input: .*"orderId"/,
    ],
    [
      "an unknown input",
      `${ask}  - call: orders.get\n    with: { customerId: a, orderId: b, orderid: c }\n  - end: resolved\n`,
      /skill-input: .*did you mean "orderId"/,
    ],
    ["a write in a call", `${ask}  - call: orders.note\n  - end: resolved\n`, /write-in-call/],
    [
      "a consequential skill that nobody confirmed",
      `${ask}  - task: t\n    steps: [{ skill: orders.cancel, compensate: { skill: orders.reopen } }]\n  - end: resolved\n`,
      /15:14 unconfirmed|unconfirmed/,
    ],
    [
      "one without compensation",
      `${ask}  - confirm: sure?\n    no: trouble\n  - task: t\n    steps: [{ skill: orders.cancel }]\n  - end: resolved\n`,
      /no-compensation: .*orders\.reopen/,
    ],
    [
      "one that nothing takes back",
      `${ask}  - confirm: sure?\n    no: trouble\n  - task: t\n    steps: [{ skill: mail.send }]\n  - end: resolved\n`,
      /no-compensation: nothing takes mail\.send back/,
    ],
    [
      "the wrong compensation",
      `${ask}  - confirm: sure?\n    no: trouble\n  - task: t\n    steps: [{ skill: orders.cancel, compensate: { skill: orders.note } }]\n  - end: resolved\n`,
      /no-compensation: .*not by orders\.note/,
    ],
    [
      "a yes that a later question made stale",
      `  - ask: order\n  - confirm: sure?\n    no: trouble\n  - ask: email\n  - task: t\n    steps: [{ skill: orders.cancel, compensate: { skill: orders.reopen } }]\n  - end: resolved\n`,
      /unconfirmed/,
    ],
    ["an endless loop", `  - id: again\n    ask: order\n  - ask: email\n  - goto: again\n`, /unbounded-loop/],
    [
      "a limit without a way out",
      `  - id: again\n    ask: order\n  - ask: email\n  - goto: again\n    max: 2\n`,
      /missing-path: "max" needs "else"/,
    ],
    ["a hand-off without a sentence", `${ask}  - handoff:\n    reason: x\n`, /14:5 handoff-sentence/],
    ["a hand-off with an empty sentence", `${ask}  - handoff: " "\n    reason: x\n`, /handoff-sentence/],
    [
      "a failure that cannot happen",
      `${ask}  - call: orders.list\n    on: { not_fuond: trouble }\n  - end: resolved\n`,
      /unknown-code.*"not_found"/,
    ],
    ["a step named twice", `${ask}  - id: trouble\n    say: a\n  - end: resolved\n`, /duplicate-step/],
    ["a reserved name", `${ask}  - set: { customer: "1" }\n  - end: resolved\n`, /reserved/],
    [
      "a result named like a slot",
      `${ask}  - call: orders.list\n    as: email\n  - end: resolved\n`,
      /reserved/,
    ],
    ["YAML that is none", `  - say: "open\n`, /yaml/],
    ["a key twice", `${ask}  - say: a\n    say: b\n  - end: resolved\n`, /15:5 yaml: .*unique/],
    [
      "too many reprompts",
      `${ask}  - confirm: sure?\n    no: trouble\n    reprompts: 99\n  - end: resolved\n`,
      /invalid: reprompts/,
    ],
  ])("refuses %s", (_what, steps, expected) => {
    expect(complaints(steps).join("\n")).toMatch(expected);
  });

  it("refuses a call without a path for its failure", () => {
    const head = HEAD.replace("failed: trouble, ", "");
    const steps = `${ask}  - call: orders.list\n  - goto: trouble\n`;
    const found = complaints(steps, head).filter((c) => c.includes("missing-path"));
    expect(found).toHaveLength(2); // the order's look-up, and the call
    expect(found.join()).toContain('"call" has no path for "failed"');
  });

  it("refuses a question without a path for who cannot answer it", () => {
    const head = HEAD.replace("unclear: trouble, ", "");
    expect(complaints(GOOD, head).join("\n")).toMatch(/"ask" has no path for "unclear"/);
  });

  it("refuses steps that run off the end", () => {
    const text = `${HEAD.replace("on: {", "on: { ")}  - goto: last
  - id: trouble
    handoff: A colleague will help you.
    reason: trouble
  - id: last
    say: bye
`;
    const found = lintPlaybook(readPlaybook(text, "t.yaml"), catalog).map(formatDiagnostic);
    expect(found.join("\n")).toMatch(/t\.yaml:16:5 no-end/);
  });

  it("lets guards speak for what may be missing", () => {
    const steps = `${ask}  - say: "Here[[ since {{ order.deliveredAt | date }}]]."
  - if: exists(order.deliveredAt)
    do: [{ say: "{{ order.deliveredAt | date }}" }]
  - if: not exists(order.expectedAt)
    do: [{ say: none }]
    else: [{ say: "{{ order.expectedAt | date }}" }]
  - end: resolved
`;
    expect(complaints(steps)).toEqual([]);
  });

  it("reports everything at once, in the order of the file", () => {
    const found = complaints(`  - say: "{{ order.id }}"\n${ask}  - goto: nowhere\n`);
    expect(found.length).toBeGreaterThanOrEqual(2);
    const lines = found.map((f) => Number(f.split(":")[1]));
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
  });
});
