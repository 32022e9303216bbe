import { describe, expect, it } from "vitest";
import { exponentialBackoff } from "./backoff.ts";
import { cellRestartPolicy } from "./cell-policy.ts";
import { RestartIntensity } from "./intensity.ts";

describe("back-off", () => {
  it("grows up to its limit", () => {
    const backoff = exponentialBackoff({ firstMs: 100, maxMs: 1_000, jitter: 0 });
    expect([1, 2, 3, 4, 5, 50].map(backoff)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it("leaves a share to chance, never above the wait", () => {
    const low = exponentialBackoff({ firstMs: 100, jitter: 0.5, random: () => 0.999 });
    const high = exponentialBackoff({ firstMs: 100, jitter: 0.5, random: () => 0 });
    expect(low(1)).toBeGreaterThanOrEqual(50);
    expect(low(1)).toBeLessThan(51);
    expect(high(1)).toBe(100);
  });

  it("of cells is short and bounded", () => {
    const policy = cellRestartPolicy({ backoff: { jitter: 0 } });
    expect(policy.maxAttempts).toBe(3);
    expect([1, 2, 9].map((n) => policy.backoffMs(n))).toEqual([50, 200, 1_000]);
  });
});

describe("restart intensity", () => {
  it("allows so many within a period that moves along", () => {
    let now = 0;
    const intensity = new RestartIntensity({ max: 2, periodMs: 100, now: () => now });
    expect([intensity.record(), intensity.record(), intensity.record()]).toEqual([true, true, false]);
    now = 100;
    expect(intensity.recent).toBe(0);
    expect(intensity.record()).toBe(true);
  });

  it("of zero allows none", () => {
    expect(new RestartIntensity({ max: 0 }).record()).toBe(false);
  });
});
