import { describe, expect, it } from "vitest";
import { BusUsageError } from "./errors.ts";
import { operationOfSubject, partitionOfSubject, subjectsOf } from "./subjects.ts";

describe("subjects", () => {
  const s = subjectsOf("main");

  it("names what the nodes agree on", () => {
    expect(s.log(7)).toBe("bw.main.log.7");
    expect(s.service("orders", "get")).toBe("bw.main.svc.orders.get");
    expect(s.out("c1")).toBe("bw.main.out.c1");
    expect([s.logStream, s.keysBucket, s.keysDrop]).toEqual([
      "BW_main_LOG",
      "BW_main_KEYS",
      "bw.main.keys.drop",
    ]);
  });

  it("reads them back", () => {
    expect(partitionOfSubject(s, s.log(31))).toBe(31);
    expect(partitionOfSubject(s, "bw.other.log.1")).toBeUndefined();
    expect(operationOfSubject(s.service("orders", "get"))).toBe("get");
  });

  it.each(["", "a.b", "a b", "a*", ">", "ä", "x".repeat(200)])("refuses %j", (bad) => {
    expect(() => subjectsOf(bad)).toThrow(BusUsageError);
    expect(() => s.service("orders", bad)).toThrow(BusUsageError);
    expect(() => s.out(bad)).toThrow(BusUsageError);
  });

  it("refuses a partition that is none", () => {
    for (const bad of [-1, 1.5, Number.NaN]) expect(() => s.log(bad)).toThrow(BusUsageError);
  });
});
