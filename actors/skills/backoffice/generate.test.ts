import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../../runtime/json.ts";
import { BackOffice, COLLECTIONS, type CollectionName, generate, seed } from "./index.ts";

const now = Date.UTC(2026, 10, 22, 12);

describe("the generated company", () => {
  const world = generate({ seed: 7, now });

  it("is the same for the same seed and another for another", () => {
    expect(canonicalJson(generate({ seed: 7, now }))).toBe(canonicalJson(world));
    expect(canonicalJson(generate({ seed: 8, now }))).not.toBe(canonicalJson(world));
  });

  it("is large enough and every record has the declared shape", () => {
    expect(world.customers.length).toBeGreaterThanOrEqual(500);
    expect(world.orders.length).toBeGreaterThanOrEqual(1500);
    for (const name of Object.keys(COLLECTIONS) as CollectionName[]) {
      const records = (world as unknown as Record<string, unknown[]>)[name] ?? [];
      for (const record of records) expect(() => COLLECTIONS[name].parse(record)).not.toThrow();
      expect(new Set(records.map((r) => (r as { id: string }).id)).size).toBe(records.length);
    }
  });

  it("has cases for every way a playbook can go", () => {
    const orders = (status: string) => world.orders.filter((o) => o.status === status).length;
    for (const status of ["pending", "processed", "shipped", "delivered", "cancelled", "return_requested"]) {
      expect(orders(status), status).toBeGreaterThan(5);
    }
    const delivered = world.orders.filter((o) => o.status === "delivered");
    const age = (at?: string) => (now - Date.parse(at!)) / 86_400_000;
    expect(delivered.some((o) => age(o.deliveredAt) < 30)).toBe(true);
    expect(delivered.some((o) => age(o.deliveredAt) > 30)).toBe(true);
    expect(delivered.some((o) => o.total > 200)).toBe(true);
    expect(world.subscriptions.some((s) => s.status === "past_due")).toBe(true);
    expect(world.subscriptions.some((s) => s.discount)).toBe(true);
    expect(world.usage.some((u) => u.used > 0.9 * u.limit)).toBe(true);
    expect(world.invoices.some((i) => i.status === "failed")).toBe(true);
  });

  it("keeps every date before now, except those that lie ahead by nature", () => {
    for (const order of world.orders) {
      for (const at of [order.placedAt, order.shippedAt, order.deliveredAt, order.cancelledAt]) {
        if (at) expect(Date.parse(at)).toBeLessThanOrEqual(now);
      }
    }
  });

  it("is loaded into a dataset as a whole", async () => {
    const dir = await mkdtemp(join(tmpdir(), "backoffice-"));
    const office = await BackOffice.open(dir);
    const loaded = await seed(office, { seed: 7, now });
    expect(await office.count("orders")).toBe(world.orders.length);
    expect(loaded).toBeGreaterThan(5000);
    expect(await office.info()).toMatchObject({ origin: "generated", settings: { currency: "USD" } });
    await office.close();
    await rm(dir, { recursive: true, force: true });
  });
});
