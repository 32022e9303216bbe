/** What models said in recordings. */
import type { RecordedCall } from "../../actors/model/index.ts";
import { askedIn } from "../../runtime/host/calls.ts";
import { ANSWER } from "../../runtime/host/cell.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { recordingFiles } from "./files.ts";
import { readRecordings } from "./read.ts";

/** Calls that were answered, in the order of the log. @throws UsageError for paths without recordings */
export async function modelCallsIn(paths: readonly string[]): Promise<RecordedCall[]> {
  const calls: RecordedCall[] = [];
  for (const file of recordingFiles(paths)) {
    for await (const { records } of readRecordings(file)) {
      const byId = new Map(records.map((record) => [record.id, record]));
      for (const answer of records) {
        if (answer.type !== ANSWER || answer.clear.ok !== true) continue;
        const ask = byId.get(String(answer.clear.ask)) ?? answer;
        const asked = askedIn(ask);
        if (asked?.service !== "model") continue;
        const { input } = ask.data;
        const { value } = answer.data;
        calls.push({ operation: asked.operation, input: input as JsonObject, value: value as JsonObject });
      }
    }
  }
  return calls;
}
