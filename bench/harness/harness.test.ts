import { describe, expect, it } from "vitest";
import { closedLoop, interleaved, Latencies, openLoop } from "./index.ts";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe("latencies", () => {
  it("answer percentiles in ms, and nothing for nothing", () => {
    const latencies = new Latencies();
    expect(latencies.percentiles()).toBeUndefined();
    for (let ms = 1; ms <= 1_000; ms++) latencies.record(ms);
    const p = latencies.percentiles()!;
    expect(p.count).toBe(1_000);
    for (const [name, want] of [
      ["p50", 500],
      ["p95", 950],
      ["p99", 990],
    ] as const) {
      expect(Math.abs(p[name] - want) / want).toBeLessThan(0.002);
    }
  });
});

describe("a closed loop", () => {
  it("has no more requests under way than users, and counts failures apart", async () => {
    let underWay = 0;
    let most = 0;
    const result = await closedLoop({ users: 3, requests: 30 }, async (n) => {
      most = Math.max(most, ++underWay);
      await sleep(1);
      underWay--;
      if (n % 10 === 0) throw new Error("no");
    });
    expect(most).toBe(3);
    expect(result).toMatchObject({ done: 27, failed: 3 });
  });
});

describe("an open loop", () => {
  it("charges a request that had to wait for its turn with the wait", async () => {
    let busy = Promise.resolve();
    const result = await openLoop({ rate: 200, seconds: 0.1, maxUnderWay: 1 }, () => {
      busy = busy.then(() => sleep(20));
      return busy;
    });
    expect(result.done).toBe(20);
    // Twenty requests due within 100 ms, each served for 20 ms one after the other: the last ones waited for most.
    expect(result.latencies.percentiles()!.max).toBeGreaterThan(200);
  });
});

describe("interleaved rounds", () => {
  it("take the arms in turn and do not count the first round", async () => {
    const order: string[] = [];
    const arm = (name: string) => async () => {
      order.push(name);
      return order.length;
    };
    const results = await interleaved({ a: arm("a"), b: arm("b") }, 2);
    expect(order).toEqual(["a", "b", "a", "b", "a", "b"]);
    expect(results).toEqual({ a: [3, 5], b: [4, 6] });
  });
});
