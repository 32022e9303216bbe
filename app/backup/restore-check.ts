/** Whether what was restored is what was taken: as much of it, and readable. */
import type { Bus } from "../../runtime/bus/bus.ts";
import { type Subjects, subjectsOf } from "../../runtime/bus/index.ts";
import { Bodies, BodyLostError } from "../../runtime/log/bodies.ts";
import { openRecord } from "../../runtime/log/codec.ts";
import { decodeChecked, isPassing } from "../../runtime/log/read.ts";
import { type KeyRing, SealError } from "../../runtime/log/sealer.ts";
import { messageAt, type StreamState, streamState } from "../../runtime/log/stream.ts";
import { ArchiveError } from "./archive.ts";
import type { Manifest } from "./manifest.ts";

export interface RecordsLookedAt {
  readonly looked: number;
  readonly opened: number;
  /** Of customers who were erased. */
  readonly erased: number;
  /** Nobody could ever read them: they are dead letters. */
  readonly malformed: number;
}

/** Records that are opened, spread over the log. */
const SAMPLE = 200;

/** @throws ArchiveError when a stream has less than the archive says */
export function checkState(stream: Manifest["streams"][number], found: StreamState): void {
  const { first_seq: first, last_seq: last, messages } = stream.state as Record<string, number>;
  const said = `${messages} messages up to ${last}`;
  // A copy made at work may have more than the stream had when it was begun; what was deleted meanwhile may be there or not.
  const isLess = found.lastSeq < last! || (first! > 0 && found.messages > 0 && found.firstSeq < first!);
  const isEmpty = messages! > 0 && found.messages === 0;
  if (!isLess && !isEmpty) return;
  throw new ArchiveError(
    `stream ${stream.name} came back with ${found.messages} messages from ${found.firstSeq} to ${found.lastSeq}, and had ${said}: the archive can't be trusted`,
  );
}

/** Opens some records of the log. @throws ArchiveError when one is not what was sealed, or lacks its body */
export async function checkRecords(bus: Bus, workspace: string, keys: KeyRing): Promise<RecordsLookedAt> {
  const names: Subjects = subjectsOf(workspace);
  const bodies = new Bodies(bus, names);
  const { firstSeq, lastSeq, messages } = await streamState(bus, names.logStream);
  const counts = { looked: 0, opened: 0, erased: 0, malformed: 0 };
  if (messages === 0) return counts;
  const step = Math.max(1, (lastSeq - firstSeq) / (SAMPLE - 1));
  for (let n = 0; n < SAMPLE; n++) {
    const seq = Math.round(firstSeq + n * step);
    if (seq > lastSeq) break;
    const message = await messageAt(bus, names.logStream, seq);
    if (!message) continue;
    counts.looked++;
    try {
      const opened = await openRecord(decodeChecked(seq, message), keys, bodies);
      if (opened.ok) counts.opened++;
      else counts.erased++;
    } catch (error) {
      if (isPassing(error)) throw error;
      if (error instanceof SealError || error instanceof BodyLostError)
        throw new ArchiveError(
          `record ${seq} of the log can't be read as it was restored: ${error.message}`,
          {
            cause: error,
          },
        );
      counts.malformed++;
    }
  }
  return counts;
}
