import { describe, expect, it } from "vitest";
import type { BusMessage } from "./bus.ts";
import { placeOf } from "./delivery.ts";

describe("the place of a delivery", () => {
  const place = (reply?: string) => placeOf({ reply } as BusMessage);

  it("is read from both forms of its reply subject", () => {
    const want = { streamSeq: 42, consumerSeq: 7, pending: 3 };
    expect(place("$JS.ACK.S.C.1.42.7.1700000000.3")).toEqual(want);
    expect(place("$JS.ACK._.ACC.S.C.1.42.7.1700000000.3.x")).toEqual(want);
  });

  it("is refused in what is no delivery", () => {
    expect(() => place(undefined)).toThrow(/not a JetStream delivery/);
    expect(() => place("_INBOX.x")).toThrow(/not a JetStream delivery/);
  });
});
