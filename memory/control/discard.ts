/** Events of the memory's stream that nobody can open any more, since their data subject was erased. */
import { type Bus, subjectsOf } from "../../runtime/bus/index.ts";
import { readAll } from "../../runtime/log/read-all.ts";
import type { KeyRing } from "../../runtime/log/sealer.ts";
import { deleteMessage } from "../../runtime/log/stream.ts";
import { decodeEvent, isUnreadable } from "../stream/event.ts";

/** Deletes them, for a stream that was just brought back from a time before the erasures; answers how many there were. */
export async function discardErased(bus: Bus, workspace: string, keys: KeyRing): Promise<number> {
  const { memoryStream: stream, memory: subject } = subjectsOf(workspace);
  const erased: number[] = [];
  await readAll(bus, { stream, subject }, async ({ seq, data }) => {
    try {
      if ((await decodeEvent(data, keys)) === undefined) erased.push(seq);
    } catch (error) {
      // What is none, or whose key is missing, is told of by the memory itself.
      if (!isUnreadable(error)) throw error;
    }
  });
  for (const seq of erased) await deleteMessage(bus, stream, seq);
  return erased.length;
}
