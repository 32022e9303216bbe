import { describe, expect, it } from "vitest";
import { loadPlaybooks, SHOP_PLAYBOOKS } from "../actors/playbooks/index.ts";
import { DEFAULT_SEED, generate } from "../actors/skills/backoffice/index.ts";
import { COLLECTIONS } from "../actors/skills/backoffice/types.ts";
import { Inventory } from "../actors/skills/inventory.ts";
import { asset } from "../runtime/config/paths.ts";
import { type Expectation, resolveTimes, type Scenario } from "./format.ts";
import { givenRecords } from "./given.ts";
import { loadScenarios } from "./load.ts";

const NOW = Date.parse("2026-11-23T09:00:00.000Z");
const scenarios = loadScenarios([asset("scenarios/shop")]);

/** Records that a scenario brings along: `orders W9000101`. */
function givenIds({ given }: Scenario): string[] {
  return Object.entries(given.records).flatMap(([collection, records]) =>
    records.map((record) => `${collection} ${String(record.id)}`),
  );
}

function expectationsOf({ steps }: Scenario): Expectation[] {
  return steps.flatMap((step) => (step.expect ? [step.expect] : []));
}

describe("the recorded customers of the shop", () => {
  it("are at least 60, and each expects something", () => {
    expect(scenarios.length).toBeGreaterThanOrEqual(60);
    for (const scenario of scenarios) {
      const kinds = expectationsOf(scenario).flatMap((e) => Object.keys(e));
      expect(kinds.length, scenario.name).toBeGreaterThan(0);
      expect(scenario.file, scenario.name).toMatch(new RegExp(`/${scenario.name}\\.scenario\\.yaml$`));
    }
  });

  it("let every playbook succeed and fail", () => {
    const { all } = loadPlaybooks([SHOP_PLAYBOOKS], new Inventory());
    const playbooks = all.map((p) => p.name);
    expect(playbooks.length).toBeGreaterThanOrEqual(12);
    for (const playbook of playbooks) {
      for (const ends of ["success", "failure"] as const) {
        const found = scenarios.filter((s) => s.playbook === playbook && s.ends === ends);
        expect(found.length, `${playbook} with ${ends}`).toBeGreaterThan(0);
      }
    }
    for (const { name, playbook } of scenarios) if (playbook) expect(playbooks, name).toContain(playbook);
  });

  it("share no record with each other, nor with the generated company", () => {
    const owners = new Map<string, string>();
    for (const [collection, records] of Object.entries(generate({ seed: DEFAULT_SEED, now: NOW }))) {
      if (!Array.isArray(records)) continue;
      for (const record of records as { id: string }[])
        owners.set(`${collection} ${record.id}`, "the company");
    }
    for (const scenario of scenarios) {
      for (const id of givenIds(scenario)) {
        expect(owners.get(id), `${id} of ${scenario.name}`).toBeUndefined();
        owners.set(id, scenario.name);
      }
    }
  });

  it("bring records that the back office takes", () => {
    for (const { name, given } of scenarios) {
      for (const [collection, records] of Object.entries(given.records)) {
        const schema = COLLECTIONS[collection as keyof typeof COLLECTIONS];
        expect(schema, `${collection} of ${name}`).toBeDefined();
        for (const record of resolveTimes(records, NOW)) {
          const parsed = schema.safeParse(record);
          expect(parsed.error?.issues ?? [], `${collection} ${String(record.id)} of ${name}`).toEqual([]);
        }
      }
    }
  });

  it("bring the usage of the month in which they are played, whichever it is", () => {
    for (const start of [NOW, Date.parse("2031-01-01T00:00:00.000Z")]) {
      for (const { collection, record } of givenRecords(scenarios, start)) {
        const month = new Date(start).toISOString().slice(0, 7);
        if (collection === "usage") expect(record.month, String(record.id)).toBe(month);
      }
    }
  });

  it("say a total that is the sum of the items, and an owner that there is", () => {
    for (const { name, given } of scenarios) {
      const customers = (given.records.customers ?? []).map((c) => c.id);
      for (const order of given.records.orders ?? []) {
        const items = order.items as { price: number }[];
        const sum = items.reduce((total, item) => total + item.price, 0);
        expect(order.total, `${String(order.id)} of ${name}`).toBeCloseTo(sum, 2);
        expect(customers, `${String(order.id)} of ${name}`).toContain(order.customerId);
      }
    }
  });
});
