import { expect, it } from "vitest";
import { encoderOptions } from "../../memory/encoder/index.ts";
import { loadConfig } from "../../runtime/config/index.ts";
import { readBudgets } from "../budgets.ts";
import { Latencies } from "../harness/index.ts";
import { recovered } from "./burst.ts";
import { channelOf } from "./channels.ts";
import { WORKLOADS } from "./workloads.ts";

const given = { encoder: encoderOptions(loadConfig({ env: {} }).config.encoder), budgets: readBudgets() };
const named = (rows: readonly { name: string }[], name: string) => rows.find((row) => row.name === name);

// They wait more than they work: side by side.
it.concurrent("a burst loses nothing, and it is seen when the desk has recovered", async () => {
  const { rows } = await WORKLOADS.burst!.run("quick", given);
  expect(named(rows, "burst.failed")).toMatchObject({ value: 0, held: true });
  for (const when of ["before", "during", "after"]) expect(named(rows, `burst.${when}`)).toBeDefined();
  expect(named(rows, "burst.recovered")).toHaveProperty("held");
}, 300_000);

it.concurrent("customers are known before the desk starts", async () => {
  const { rows } = await WORKLOADS.known!.run("quick", { ...given, seconds: 3 });
  expect(named(rows, "known.failed")).toMatchObject({ value: 0 });
  expect(named(rows, "known.customers")).toMatchObject({ value: 600 });
  // What was known of them was asked for.
  expect(named(rows, "known.recall")).toBeDefined();
}, 300_000);

it.concurrent("a quiet tenant is answered beside a noisy one", async () => {
  const { rows } = await WORKLOADS.tenants!.run("quick", { ...given, seconds: 3 });
  expect(named(rows, "tenants.quiet.failed")).toMatchObject({ value: 0 });
  expect(named(rows, "tenants.noisy.turns")).toMatchObject({ value: 24 });
  expect(named(rows, "tenants.quiet.beside")).toHaveProperty("baseline");
}, 300_000);

it("the desk has recovered once five seconds together are as they were before", () => {
  const before = new Latencies();
  for (let n = 0; n < 100; n++) before.record(20);
  const turns = (slowUntil: number) =>
    Array.from({ length: 400 }, (_, n) => ({ at: n * 50, ms: n * 50 < slowUntil ? 500 : 20 }));
  expect(recovered(turns(0), before.percentiles())).toBe(0);
  // The last quarter of a second before may still be among them: five in a hundred.
  expect(recovered(turns(4_000), before.percentiles())).toBeGreaterThan(3_000);
  expect(recovered(turns(4_000), before.percentiles())).toBeLessThanOrEqual(4_000);
  expect(recovered(turns(60_000), before.percentiles())).toBeUndefined();
});

it("conversations come by their channel's share, and never many of one kind in a row", () => {
  const names = Array.from({ length: 20 }, (_, n) => channelOf(n).name);
  const of = (name: string) => names.filter((each) => each === name).length;
  expect([of("chat"), of("email"), of("voice")]).toEqual([12, 5, 3]);
  expect(names.join(" ")).not.toContain("chat chat chat chat");
  expect(channelOf(27)).toBe(channelOf(7));
});
