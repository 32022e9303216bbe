import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Clock } from "../clock.ts";
import { type Deadline, TimerQueue } from "./timer-queue.ts";

/** Stands still unless it is moved. */
class StillClock implements Clock {
  #now = 1_700_000_000_000;
  #listeners: (() => void)[] = [];
  now(): number {
    return this.#now;
  }
  monotonic(): number {
    return this.#now;
  }
  advance(ms: number): void {
    this.#now += ms;
    for (const listener of this.#listeners) listener();
  }
  onJump(listener: () => void): () => void {
    this.#listeners.push(listener);
    return () => {};
  }
}

function queue() {
  const clock = new StillClock();
  const due: string[] = [];
  const timers = new TimerQueue(clock, (actor, { key, generation }) =>
    due.push(`${actor} ${key} ${generation}`),
  );
  timers.start();
  return { clock, due, timers, now: clock.now() };
}

const timer = (key: string, generation: number, deadline: number): Deadline => ({
  key,
  generation,
  deadline,
});

describe("deadlines", () => {
  it("are told when they are due, in their order, however far the clock jumps", () => {
    const { clock, due, timers, now } = queue();
    timers.set("a", [timer("x", 1, now + 3_000), timer("y", 2, now + 1_000)]);
    timers.set("b", [timer("x", 1, now + 2_000)]);
    clock.advance(500);
    expect(due).toEqual([]);
    clock.advance(10_000);
    expect(due).toEqual(["a y 2", "b x 1", "a x 1"]);
    timers.stop();
  });

  it("that were taken back or set anew are not told", () => {
    const { clock, due, timers, now } = queue();
    timers.set("a", [timer("x", 1, now + 1_000)]);
    timers.set("a", [timer("x", 2, now + 5_000)]);
    timers.set("b", [timer("x", 1, now + 1_000)]);
    timers.set("b", []);
    clock.advance(2_000);
    expect(due).toEqual([]);
    clock.advance(4_000);
    expect(due).toEqual(["a x 2"]);
    timers.stop();
  });

  it("wait until the queue starts", () => {
    const clock = new StillClock();
    const due: string[] = [];
    const timers = new TimerQueue(clock, (actor) => due.push(actor));
    timers.set("a", [timer("x", 1, clock.now() - 1)]);
    clock.advance(1_000);
    expect(due).toEqual([]);
    timers.start();
    expect(due).toEqual(["a"]);
    timers.stop();
  });

  it("that are set anew again and again leave nothing behind", () => {
    const { clock, due, timers, now } = queue();
    const far = now + 900_000;
    timers.set("other", [timer("x", 1, far)]);
    for (let n = 1; n <= 100_000; n++) timers.set("a", [timer("x", n, far + n)]);
    expect(timers.size).toBe(2);
    expect(timers.held).toBeLessThan(5_000);
    clock.advance(2_000_000);
    expect(due).toEqual(["other x 1", "a x 100000"]);
    timers.stop();
  });

  it("are told exactly once each, whatever is set and whenever time passes", () => {
    const step = fc.oneof(
      fc.record({
        actor: fc.constantFrom("a", "b", "c"),
        keys: fc.subarray(["x", "y", "z"]),
        in: fc.nat(5_000),
      }),
      fc.record({ advance: fc.nat(3_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { clock, due, timers } = queue();
        const pending = new Map<string, Map<string, Deadline>>();
        const expected: string[] = [];
        let generation = 0;
        for (const s of steps) {
          if ("advance" in s) {
            clock.advance(s.advance);
            for (const [actor, own] of pending) {
              for (const [key, t] of own) {
                if (t.deadline > clock.now()) continue;
                expected.push(`${actor} ${key} ${t.generation}`);
                own.delete(key);
              }
            }
          } else {
            const own = new Map(
              s.keys.map((key) => [key, timer(key, ++generation, clock.now() + 1 + s.in)] as const),
            );
            pending.set(s.actor, own);
            timers.set(s.actor, [...own.values()]);
          }
        }
        timers.stop();
        expect(due.sort()).toEqual(expected.sort());
      }),
      { numRuns: 50 },
    );
  });
});
