/** Customers of the company that a desk makes for itself, who need nobody but it. */
import { DEFAULT_SEED, generate } from "../actors/skills/backoffice/index.ts";
import { worldOf } from "../scenarios/facts/index.ts";
import type { Scenario } from "../scenarios/format.ts";
import { passersBy } from "../scenarios/passers-by.ts";

/** Distinct ones; after them the same come again. */
const CUSTOMERS = 4_000;

/** @param company of which they are. Default: the one that an empty desk makes for itself */
export function shopCustomers(company = generate({ seed: DEFAULT_SEED, now: Date.now() })): Scenario[] {
  const files = (["customers", "orders", "products"] as const).map((name) => ({
    file: `${name}.json`,
    records: JSON.parse(JSON.stringify(company[name])),
  }));
  // Nobody is there to answer those who ask for a person.
  return passersBy(worldOf(files), CUSTOMERS).filter((s) => s.steps.every((step) => "customer" in step));
}
