import { describe, expect, it } from "vitest";
import { address } from "../../runtime/address.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import type { Recording } from "../recording/recording.ts";
import { apartOf } from "./apart.ts";

const header = {
  conversation: "k",
  machines: { conversation: 1, task: 1 },
} as unknown as Recording["header"];
let seq = 0;
function says(id: string, text: string): StoredRecord {
  const [from, to] = [address("conversation", "k"), address("channel", "k")];
  return { id, seq: ++seq, type: "reply", from, to, at: 0, epoch: 0, clear: {}, data: { text } };
}
function looksUp(id: string, input: object): StoredRecord {
  const [from, to] = [address("service", "k", "orders"), address("conversation", "k")];
  const clear = { ask: `ask ${id}`, service: "orders", operation: "get", key: "x", ok: true, asked: seq };
  const data = { value: { status: "sent" }, input: input as never };
  return { id, seq: ++seq, type: "host.answer", from, to, at: 0, epoch: 0, clear, data };
}
const recording = (...records: StoredRecord[]): Recording => ({ header, records });

describe("what came of a recording", () => {
  it("is the same in another order, and where inner business has moved the ids", () => {
    const was = recording(says("a", "Hello"), looksUp("b", { id: 1 }), says("c", "Sent"));
    const other = recording(says("c", "Sent"), says("z", "Hello"), looksUp("b", { id: 1 }));
    expect(apartOf(was, other)).toBeUndefined();
  });

  it("is apart where something else is said, nothing is, or something more", () => {
    const was = recording(says("a", "Hello"), says("b", "Bye"));
    expect(apartOf(was, recording(says("a", "Hi"), says("b", "Bye")))).toEqual({
      seq: was.records[0]!.seq,
      expected: "says “Hello”",
      got: "says “Hi”",
    });
    expect(apartOf(was, recording(says("a", "Hello")))).toEqual({
      seq: was.records[1]!.seq,
      expected: "says “Bye”",
    });
    expect(apartOf(was, recording(...was.records, says("d", "And?")))).toEqual({ got: "says “And?”" });
  });

  it("names of what is asked with something else only what differs", () => {
    const [a, b] = [looksUp("a", { id: 1, of: "me" }), looksUp("a", { id: 2, of: "me" })];
    expect(apartOf(recording(a), recording(b))).toMatchObject({
      expected: 'asks orders.get {"id":1}',
      got: 'asks orders.get {"id":2}',
    });
  });
});
