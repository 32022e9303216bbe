import { describe, expect, it } from "vitest";
import { ConversationChecker, type Finding, hasFacts, seeded, spoil } from "./index.ts";
import { invented } from "./testing.ts";

const world = invented();

/** What a reply is judged as, in a conversation with Ada who has proved who she is. */
function judged(reply: string, said = ["I'm ada.quill@example.com"]): string[] {
  const checker = new ConversationChecker(world, { today: "2026-11-20" });
  for (const text of said) checker.customerSays(text);
  return inShort(checker.deskSays(reply));
}
const inShort = (findings: readonly Finding[]) => findings.map((f) => `${f.verdict} ${f.kind} ${f.text}`);

describe("who the customer is", () => {
  const customers = (...texts: string[]) => {
    const checker = new ConversationChecker(world);
    for (const text of texts) checker.customerSays(text);
    return checker.customers.map((c) => c.id);
  };
  it("is shown by an e-mail address, or by full name with postcode", () => {
    expect(customers("my mail is Ada.Quill@Example.com, thanks")).toEqual(["ada_1"]);
    expect(customers("Bo Fenn here", "my zip is 10083")).toEqual(["bo_2"]);
  });
  it("is not shown by less", () => {
    expect(customers("Bo Fenn, order W2000001")).toEqual([]);
    expect(customers("Ada Quill, 10083")).toEqual([]);
    expect(customers("nobody@example.com 95611")).toEqual([]);
  });
  it("can be vouched for", () => {
    expect(new ConversationChecker(world, { vouched: "bo_2" }).customers[0]!.id).toBe("bo_2");
  });
});

describe("facts of the customer's own orders", () => {
  it("are right where they are as in the files", () => {
    expect(
      judged(
        "Order #W1000001, delivered: Copper Kettle $49.90 and Rug $80.25; total $130.15.\nTracking number: 100000000001. It went to 12 Mill Road, Flat 2, Larkfield, CA 95611, USA.",
      ),
    ).toEqual([
      "right order #W1000001",
      "right status delivered",
      "right item Copper Kettle",
      "right amount $49.90",
      "right item Rug",
      "right amount $80.25",
      "right amount $130.15",
      "right number 100000000001",
      "right address 12 Mill Road, Flat 2, Larkfield, CA 95611, USA",
    ]);
  });
  it("are wrong where an amount, a status, an item or an address differs", () => {
    expect(judged("Order #W1000001, pending; total $130.51.")).toEqual([
      "right order #W1000001",
      "wrong status pending",
      "wrong amount $130.51",
    ]);
    expect(judged("- #W1000002, pending: Rug $80.25; total $52.00")).toContain("wrong item Rug");
    expect(judged("- #W1000002, pending: Copper Kettle $49.90; total $52.00")).toContain(
      "wrong amount $49.90",
    );
    expect(judged("It goes to 12 Mill Road, Flat 2, Larkfield, CA 95612, USA.")).toEqual([
      "wrong address 12 Mill Road, Flat 2, Larkfield, CA 95612, USA",
    ]);
    expect(judged("Order #W1000003 is delivered.")[0]).toBe("wrong order #W1000003");
    expect(judged("Order #W1000001 was delivered on 3 May 2026.")).toContain("wrong day 3 May 2026");
  });
  it("may be sums and differences of prices", () => {
    expect(judged("For the items of #W1000001 you'd get $80.25 back.")).toContain("right amount $80.25");
    expect(judged("In #W1000001 you'd pay the difference of $11.60.")).toContain("right amount $11.60");
    expect(judged("In #W1000001 you'd pay the difference of $11.70.")).toContain("wrong amount $11.70");
  });
  it("may be variants that are offered", () => {
    const offer = "Instead of the Copper Kettle (red, size: 2) in #W1000001 I can offer:\n";
    expect(judged(`${offer}- black, size: 2 at $61.50`)).toContain("right amount $61.50");
    expect(judged(`${offer}- black, size: 2 at $52.00`)).toContain("wrong amount $52.00");
  });
  it("are not what a condition or an example says", () => {
    expect(judged("Only something that has been delivered can be returned.")).toEqual([]);
    expect(judged("I can exchange items of #W1000002 once they have been delivered.")).toEqual([
      "right order #W1000002",
    ]);
    expect(judged("Please write it like this:\n9 Larch Road, Millbrook, CA 94110")).toEqual([
      "unclassified address 9 Larch Road, Millbrook, CA 94110",
    ]);
  });
});

describe("other people's records", () => {
  it("are foreign, whatever is said of them", () => {
    expect(judged("Order #W2000001, processed: Rug $81.00")).toEqual([
      "foreign order #W2000001",
      "foreign status processed",
      "right item Rug",
      "foreign amount $81.00",
    ]);
    expect(judged("It goes to 7 Oak Lane, Flat 2, Larkfield, CA 10083, USA.")[0]).toMatch(/^foreign address/);
    expect(judged("The tracking number is 200000000001.")).toEqual(["foreign number 200000000001"]);
    expect(judged("We wrote to bo.fenn@example.com.")).toEqual(["foreign email bo.fenn@example.com"]);
  });
  it("are no fact where the customer's own words come back", () => {
    expect(
      judged("I don't find #W2000001 among your orders.", ["ada.quill@example.com, what about w2000001?"]),
    ).toEqual([]);
    expect(
      judged("I don't find #W2000001 among your orders.", ["ada.quill@example.com, order 2000001"]),
    ).toEqual([]);
  });
  it("are foreign to whoever has not shown who he is", () => {
    expect(judged("Order #W1000001 is delivered.", ["hello"])).toEqual([
      "foreign order #W1000001",
      "foreign status delivered",
    ]);
  });
});

describe("what the desk does", () => {
  it("is followed where the order can take that step", () => {
    const checker = new ConversationChecker(world);
    checker.customerSays("ada.quill@example.com, cancel #W1000002");
    expect(
      inShort(checker.deskSays("Done: order #W1000002 is cancelled, and $52.00 goes back.")),
    ).not.toContain("wrong status cancelled");
    expect(inShort(checker.deskSays("Order #W1000002, cancelled"))).toContain("right status cancelled");
    expect(inShort(checker.deskSays("Order #W1000002, pending"))).toContain("wrong status pending");
  });
  it("is wrong where it cannot", () => {
    expect(judged("Done: order #W1000001 is cancelled.")).toContain("wrong status cancelled");
    expect(judged("Order #W1000002 is cancelled already.")).toContain("wrong status cancelled");
  });
  it("changes the total by the items that were changed", () => {
    const checker = new ConversationChecker(world);
    checker.customerSays("ada.quill@example.com");
    checker.deskSays(
      "Done: order #W1000002 is changed. Instead of the Copper Kettle you'll get:\n- Copper Kettle (black, size: 2) $61.50",
    );
    expect(
      inShort(checker.deskSays("Order #W1000002, pending: Copper Kettle $61.50; total $61.50")),
    ).not.toContain("wrong amount $61.50");
  });
});

describe("spoilt replies", () => {
  const replies = [
    "I have order #W1000001 in front of me, delivered: Copper Kettle $49.90 and Rug $80.25; total $130.15.",
    "- #W1000002, pending: Copper Kettle $52.00; total $52.00\n- #W1000001, delivered: Copper Kettle $49.90; total $130.15",
    "Instead of the Copper Kettle (red, size: 2) in #W1000001 I can offer:\n- blue, size: 2 at $52.00\n- black, size: 2 at $61.50",
    "For #W1000001 that is a refund of $80.25. Shall I arrange it?",
  ];
  it("are found", () => {
    const random = seeded(3);
    let found = 0;
    let all = 0;
    for (let round = 0; round < 100; round++) {
      for (const reply of replies) {
        const checker = new ConversationChecker(world);
        checker.customerSays("ada.quill@example.com");
        const spoilt = spoil(reply, world, ["ada_1"], random)!;
        all++;
        if (checker.deskSays(spoilt.text).some((f) => f.verdict === "wrong" || f.verdict === "foreign"))
          found++;
      }
    }
    expect(found / all).toBeGreaterThanOrEqual(0.95);
  });
  it("are drawn alike by the same seed, and only where there is something to spoil", () => {
    const once = (seed: number) => spoil(replies[0]!, world, ["ada_1"], seeded(seed))!.text;
    expect(once(5)).toBe(once(5));
    expect(hasFacts("What can I do for you?")).toBe(false);
    expect(spoil("What can I do for you?", world, [], seeded(1))).toBeUndefined();
  });
});
