/**
 * What an archive holds, in which order, and why.
 *
 * A backup is made while the desk works, one thing after the other, so its parts are of slightly different moments. In the order
 * below, whatever a part refers to is in a part that is taken after it, and so in the archive:
 *
 * 1. The log. It is what the others are held against; a later part may know of more than the log does, never of less.
 * 2. Bodies, which are stored before the records that name them. Should records have left the log meanwhile, and their bodies
 *    after them, log and bodies are taken again (`make.ts`).
 * 3. Dead letters, which are kept before the log says that a record was given up on.
 * 4. What memory is told: it is told before the log says that it was. What the log does not know of is told again when its
 *    request is repeated, under the same id.
 * 5. The back office. What was done in it is known by idempotency key: a request whose answer the log has not is made again, and
 *    is answered what came of it before.
 * 6. Keys, last of all: a key is made before anything is sealed under it. One that was destroyed meanwhile stays so.
 *
 * Not in it: leases, sessions, and from where each partition is read (of the nodes that ran then, and made anew); LevelDB of the
 * engine and of the memory (folds of the log and of the memory's stream, built again from them); the encoder's and the
 * classifier's caches; the admin token; diagnostic logs. Articles, playbooks and the configuration are files of the company's own.
 */
import type { Subjects } from "../../runtime/bus/subjects.ts";

/** Names of streams in the order in which they are taken, besides the keys. Those that are not there are left out. */
export function streamsOf(names: Subjects): string[] {
  return [names.logStream, names.bodiesStream, names.deadStream, names.memoryStream];
}

/** Stream of the bucket of keys. */
export function keysStreamOf(names: Subjects): string {
  return `KV_${names.keysBucket}`;
}

/** Without these a desk can't be brought back. */
export function neededStreams(names: Subjects): string[] {
  return [names.logStream, keysStreamOf(names)];
}
