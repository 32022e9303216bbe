/** Records that scenarios need besides the company that is there. */
import { shaped } from "../actors/skills/import/shape.ts";
import { UsageError } from "../runtime/config/errors.ts";
import { canonicalJson, type JsonObject } from "../runtime/json.ts";
import { resolveTimes, type Scenario } from "./format.ts";

export interface GivenRecord {
  readonly collection: string;
  readonly record: JsonObject;
}

/**
 * Given records of all scenarios, with their relative dates counted from `start`.
 * @throws UsageError for a record without its shape, and for one id that two scenarios give differently
 */
export function givenRecords(scenarios: readonly Scenario[], start: number): GivenRecord[] {
  const given = new Map<string, GivenRecord & { file: string }>();
  for (const { file, given: g } of scenarios) {
    for (const [collection, records] of Object.entries(g.records)) {
      for (const raw of records) {
        const result = shaped(collection, resolveTimes(raw, start) as JsonObject);
        if ("problem" in result) {
          throw new UsageError(
            `${file}: given.records.${collection} ${String(raw.id)}: ${result.problem.field} ${result.problem.message}`,
          );
        }
        const { record } = result;
        const key = `${collection}/${String(record.id)}`;
        const other = given.get(key);
        if (other && canonicalJson(other.record) !== canonicalJson(record)) {
          throw new UsageError(
            `${file} and ${other.file} both give ${key}, with different members: choose another id`,
          );
        }
        given.set(key, { collection, record, file });
      }
    }
  }
  return [...given.values()].map(({ collection, record }) => ({ collection, record }));
}
