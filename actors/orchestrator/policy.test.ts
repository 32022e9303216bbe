import { describe, expect, it } from "vitest";
import { approvalRule, DEFAULT_POLICY, priorityOf, topicOf } from "./policy.ts";

describe("escalation rules", () => {
  it("find topics at word boundaries, whatever the case and apostrophe", () => {
    expect(topicOf(DEFAULT_POLICY, "You'll hear from MY LAWYER!")?.name).toBe("legal");
    expect(topicOf(DEFAULT_POLICY, "I don’t want to live like this")?.name).toBe("self_harm");
    expect(topicOf(DEFAULT_POLICY, "the suede shoes issue your shop had")).toBeUndefined();
  });

  it("want an approval above a limit, and when the amount cannot be read", () => {
    const approvals = [{ skill: "billing.refund", above: 100, field: "amount" }];
    const policy = { ...DEFAULT_POLICY, approvals };
    const refund = (amount: number | string) => [{ skill: "billing.refund", input: { amount } }];
    expect(approvalRule(policy, refund(100))).toBeUndefined();
    expect(approvalRule(policy, refund(100.01))).toEqual({ skill: "billing.refund", amount: 100.01 });
    expect(approvalRule(policy, refund("100.01"))).toEqual({ skill: "billing.refund", amount: undefined });
    expect(approvalRule(policy, [{ skill: "orders.cancel", input: {} }])).toBeUndefined();
  });

  it("serve certain customers first, but never put an urgent one back", () => {
    const policy = { ...DEFAULT_POLICY, vip: ["c1"] };
    expect(priorityOf(policy, { reason: "asked", customerId: "c1" })).toBe("high");
    expect(priorityOf(policy, { reason: "asked", customerId: "c2" })).toBe("normal");
    const topic = topicOf(policy, "suicide")!;
    expect(priorityOf(policy, { reason: topic.name, topic, customerId: "c1" })).toBe("urgent");
  });
});
