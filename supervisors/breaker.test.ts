import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  Downstream,
  DownstreamAbortedError,
  DownstreamBusyError,
  DownstreamOpenError,
  type DownstreamOptions,
  DownstreamTimeoutError,
} from "./breaker.ts";

const FAST: DownstreamOptions = {
  name: "crm",
  timeoutMs: 200,
  backoff: { firstMs: 1, maxMs: 1 },
  openMs: 30,
};
const make = (options: Partial<DownstreamOptions> = {}) => new Downstream({ ...FAST, ...options });
const fails = () => Promise.reject(new Error("down"));
const works = () => Promise.resolve("ok");

async function breakIt(d: Downstream, times = 5): Promise<void> {
  for (let i = 0; i < times; i++) await d.call(fails).catch(() => {});
}

describe("a call", () => {
  it("is made again when it may be, and only then", async () => {
    const d = make();
    let made = 0;
    const second = async ({ number }: { number: number }) => {
      made++;
      if (number === 1) throw new Error("once");
      return number;
    };
    expect(await d.call(second, { repeatable: true })).toBe(2);
    made = 0;
    await expect(d.call(second)).rejects.toThrow("once");
    expect(made).toBe(1);
  });

  it("is given up after its retries", async () => {
    let made = 0;
    const d = make({ retries: 2 });
    const failing = d.call(() => Promise.reject(new Error(`no ${++made}`)), { repeatable: true });
    await expect(failing).rejects.toThrow("no 3");
  });

  it("is not made again when the request is wrong, and the system is well", async () => {
    const d = make();
    let made = 0;
    const wrong = () => {
      made++;
      return Promise.reject(Object.assign(new Error("no such order"), { retryable: false }));
    };
    for (let i = 0; i < 10; i++)
      await expect(d.call(wrong, { repeatable: true })).rejects.toThrow("no such order");
    expect(made).toBe(10);
    expect(d.health.state).toBe("up");
  });

  it("ends at its time-out even when the work does not listen", async () => {
    const d = make({ timeoutMs: 20 });
    let signal: AbortSignal | undefined;
    const hangs = (attempt: { signal: AbortSignal }) => {
      signal = attempt.signal;
      return new Promise<never>(() => {});
    };
    await expect(d.call(hangs)).rejects.toThrow(DownstreamTimeoutError);
    expect(signal?.aborted).toBe(true);
    expect(d.health).toMatchObject({ state: "degraded", active: 0, lastError: "DownstreamTimeoutError" });
  });

  it("ends when its caller gives up, also in the queue", async () => {
    const d = make({ concurrency: 1, timeoutMs: 5_000 });
    const abort = new AbortController();
    const running = d.call(() => sleep(100, "done"));
    const queued = d.call(works, { signal: abort.signal });
    const soon = expect(queued).rejects.toThrow(DownstreamAbortedError);
    abort.abort();
    await soon;
    expect(await running).toBe("done");
    await expect(d.call(works, { signal: abort.signal })).rejects.toThrow(DownstreamAbortedError);
    expect(d.health.state).toBe("up");
  });
});

describe("the bulkhead", () => {
  it("bounds what is under way and what waits", async () => {
    const d = make({ concurrency: 2, queue: 2, timeoutMs: 5_000 });
    let most = 0;
    let now = 0;
    const work = async () => {
      most = Math.max(most, ++now);
      await sleep(20);
      now--;
    };
    const calls = Array.from({ length: 4 }, () => d.call(work));
    await expect(d.call(work)).rejects.toThrow(DownstreamBusyError);
    expect(d.health).toMatchObject({ active: 2, waiting: 2 });
    await Promise.all(calls);
    expect(most).toBe(2);
    expect(d.health).toMatchObject({ active: 0, waiting: 0 });
  });
});

describe("the breaker", () => {
  it("opens, probes, and closes when the system is back", async () => {
    const d = make();
    const seen: string[] = [];
    d.onHealth((h) => seen.push(h.state));
    await breakIt(d);
    expect(d.health).toMatchObject({ state: "open", failuresInARow: 5 });
    let asked = false;
    const refused = d.call(async () => {
      asked = true;
    });
    await expect(refused).rejects.toThrow(DownstreamOpenError);
    expect(asked).toBe(false);
    await sleep(40);
    for (let i = 0; i < 4; i++) await d.call(works);
    expect(seen).toEqual(["degraded", "open", "probing", "degraded", "up"]);
  });

  it("stays open when the probe fails, and asks less often", async () => {
    const d = make();
    await breakIt(d);
    await sleep(40);
    await expect(d.call(fails)).rejects.toThrow("down");
    expect(d.health.state).toBe("open");
    await expect(d.call(works)).rejects.toThrow(DownstreamOpenError);
  });

  it("is not closed by a probe that was given up", async () => {
    const d = make({ timeoutMs: 5_000 });
    await breakIt(d);
    await sleep(40);
    const abort = new AbortController();
    const probe = expect(d.call(() => sleep(2_000), { signal: abort.signal })).rejects.toThrow(
      DownstreamAbortedError,
    );
    await expect.poll(() => d.health.state).toBe("probing");
    abort.abort();
    await probe;
    await expect.poll(() => d.health.state).toBe("open");
  });

  it("opens for a system that hangs though its callers give up first", async () => {
    const d = make({ timeoutMs: 40, failuresToOpen: 2 });
    for (let i = 0; i < 2; i++) {
      const hang = d.call(() => new Promise(() => {}), { signal: AbortSignal.timeout(30) });
      await expect(hang).rejects.toThrow(DownstreamAbortedError);
    }
    await expect.poll(() => d.health.state).toBe("open");
  });
});
