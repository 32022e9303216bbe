import { describe, expect, it } from "vitest";
import { invented } from "../facts/testing.ts";
import { GOALS, personas } from "./persona.ts";
import { Voice } from "./phrases.ts";

const spoken = (seed: number, count = 40): string[] =>
  personas(invented(), count, seed).map((persona) => {
    const voice = new Voice(persona);
    return [persona.name, voice.opening(), voice.who(), voice.yes(), voice.bye()].join(" | ");
  });

describe("simulated customers", () => {
  it("are the same for a seed, and others for another", () => {
    expect(spoken(1)).toEqual(spoken(1));
    expect(spoken(1)).not.toEqual(spoken(2));
  });

  it("come with every goal, some with typos, some with little patience", () => {
    const all = personas(invented(), 200, 7);
    expect(new Set(all.map(({ goal }) => goal))).toEqual(new Set(GOALS));
    expect(all.some(({ typos }) => typos > 0)).toBe(true);
    expect(all.some(({ typos }) => typos === 0)).toBe(true);
    expect(new Set(all.map(({ patience }) => patience)).size).toBeGreaterThan(1);
    expect(new Set(all.map(({ name }) => name)).size).toBe(200);
  });

  it("never mistype what identifies them", () => {
    for (const persona of personas(invented(), 100, 3)) {
      const who = new Voice({ ...persona, typos: 1 }).who();
      expect(who).toContain(persona.order.id);
      expect(who).toContain(persona.email);
    }
  });

  it("leave out customers who are others'", () => {
    const world = invented();
    const all = new Set([...world.orders.values()].map(({ customerId }) => customerId));
    expect(personas(world, 5, 1, all)).toEqual([]);
  });
});
