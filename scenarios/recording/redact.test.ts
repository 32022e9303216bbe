import { describe, expect, it } from "vitest";
import { asset } from "../../runtime/config/paths.ts";
import { FrozenDesk } from "../frozen/index.ts";
import { readRecordings } from "./read.ts";
import { linesOf, type Recording } from "./recording.ts";
import { personalIn, redact } from "./redact.ts";

async function shipped(name: string): Promise<Recording> {
  const file = asset("scenarios", "shop", "recordings", `${name}.scenario.jsonl`);
  for await (const recording of readRecordings(file)) return recording;
  throw new Error(`${file} holds nothing`);
}

const NAMES = ["cancel-order.confirmed", "change-address.order", "payment-failed.other-method"];

describe("a recording without people", () => {
  it.each(NAMES)("says nothing of them, and replays: %s", async (name) => {
    const recording = await shipped(name);
    const redacted = redact(recording);
    const { values, names } = personalIn(recording.records);
    expect(names.size).toBeGreaterThan(0);
    const text = linesOf(redacted).join("\n").toLowerCase();
    for (const value of [...values, ...names]) expect(text, value).not.toContain(value.toLowerCase());
    expect(redacted.header.redacted).toBe(true);
    const desk = new FrozenDesk();
    try {
      expect(await desk.play(redacted)).toMatchObject({ status: "passed" });
    } finally {
      await desk.close();
    }
  });

  it("keeps the shape of what it replaces, and one value one", async () => {
    const recording = await shipped("cancel-order.confirmed");
    const said = ({ records }: Recording): string[] =>
      records.filter(({ type }) => type === "customer.message").map(({ data }) => String(data.text));
    const [before, after] = [said(recording), said(redact(recording))];
    expect(after.map(({ length }) => length)).toEqual(before.map(({ length }) => length));
    const order = /W\d{7}/;
    expect(after[0]).toMatch(order);
    expect(after[0]).not.toBe(before[0]);
    const all = JSON.stringify(redact(recording, { key: Buffer.alloc(32, 7) }).records);
    expect(new Set(all.match(/W\d{7}/g)).size).toBe(
      new Set(JSON.stringify(recording.records).match(/W\d{7}/g)).size,
    );
  });

  it("names nobody in the rules that he went by, and he goes by them as before", async () => {
    const recording = await shipped("cancel-order.confirmed");
    const idOf = ({ records }: Recording): string =>
      records.flatMap(({ data }) => JSON.stringify(data).match(/"customerId":"([^"]+)"/)?.[1] ?? [])[0]!;
    const policy = { vip: [idOf(recording), "somebody-else"] };
    const { header, records } = recording;
    const redacted = redact({ header: { ...header, settings: { ...header.settings, policy } }, records });
    expect(redacted.header.settings.policy).toEqual({ vip: [idOf(redacted)] });
    expect(idOf(redacted)).not.toBe(idOf(recording));
  });

  it("is another one each time, and the same with one key", async () => {
    const recording = await shipped("cancel-order.confirmed");
    expect(redact(recording)).not.toEqual(redact(recording));
    const key = Buffer.alloc(32, 1);
    expect(redact(recording, { key })).toEqual(redact(recording, { key }));
  });
});
