import { expect, it } from "vitest";
import { scenarioSchema } from "./format.ts";
import { givenRecords } from "./given.ts";

const START = Date.parse("2026-11-20T10:00:00.000Z");
const customer = (id: string, city = "Larkfield") => ({
  id,
  firstName: "Ada",
  lastName: "Byron",
  email: `${id}@example.com`,
  since: "-3d",
  address: { line1: "1 Mill Road", city, postcode: "95611", country: "USA" },
  paymentMethods: [],
});
const scenario = (file: string, customers: object[]) => ({
  ...scenarioSchema.parse({ name: "x", given: { records: { customers } }, steps: [{ customer: "hi" }] }),
  file,
});

it("puts the records of all scenarios together, with their dates counted from the start", () => {
  const given = givenRecords(
    [scenario("a.yaml", [customer("c1")]), scenario("b.yaml", [customer("c1"), customer("c2")])],
    START,
  );
  expect(given.map((g) => [g.collection, g.record.id, g.record.since])).toEqual([
    ["customers", "c1", "2026-11-17T10:00:00.000Z"],
    ["customers", "c2", "2026-11-17T10:00:00.000Z"],
  ]);
});

it("says the month that it is at the start, whenever that is", () => {
  const usage = [
    { id: "u1", customerId: "c1", month: "{{ month }}", metric: "storage", used: 19, limit: 20, unit: "GB" },
  ];
  const file = {
    ...scenarioSchema.parse({ name: "x", given: { records: { usage } }, steps: [{ customer: "hi" }] }),
    file: "a.yaml",
  };
  const monthAt = (start: string) => givenRecords([file], Date.parse(start))[0]!.record.month;
  expect([monthAt("2026-11-30T23:59:00.000Z"), monthAt("2026-12-01T00:00:00.000Z")]).toEqual([
    "2026-11",
    "2026-12",
  ]);
});

it("refuses what has another shape, and one id with two contents, with the file", () => {
  expect(() => givenRecords([scenario("a.yaml", [{ id: "c1", firstName: "Ada" }])], START)).toThrow(
    /^a\.yaml: given\.records\.customers c1: lastName/,
  );
  expect(() =>
    givenRecords(
      [scenario("a.yaml", [customer("c1")]), scenario("b.yaml", [customer("c1", "Dover")])],
      START,
    ),
  ).toThrow(/^b\.yaml and a\.yaml both give customers\/c1/);
});
