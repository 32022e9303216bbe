/** Cuts a conversation out of the log. */
import type { ActorSettings } from "../../actors/index.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { CHECKPOINT } from "../../runtime/log/checkpoint.ts";
import { FORMAT, type Recording } from "./recording.ts";

/** The desk whose log it is. */
export interface RecordedDesk {
  readonly settings: ActorSettings;
  readonly definitions: readonly Pick<ActorDefinition, "kind" | "version" | "sink">[];
  /** What identifies what it was made by: playbooks. */
  readonly digests: Readonly<Record<string, string>>;
}

/** Whether a conversation's records begin where it began, so that it can be recorded. */
export function isWhole(records: readonly StoredRecord[]): boolean {
  const first = records.find(({ to }) => to.kind === "conversation");
  return first !== undefined && first.type !== CHECKPOINT;
}

/**
 * @param records all of the conversation's key, in the order of the log
 * @throws UsageError when it is no conversation, or not all of it is in the log any more
 */
export function recordingOf(
  id: string,
  records: readonly StoredRecord[],
  desk: RecordedDesk,
  source = "live",
): Recording {
  const first = records.find(({ to }) => to.kind === "conversation");
  if (!first) throw new UsageError(`there is no conversation ${id} to record`);
  if (!isWhole(records))
    throw new UsageError(
      `the beginning of conversation ${id} has left the log: it can't be recorded any more`,
    );
  const machines = Object.fromEntries(
    desk.definitions.filter(({ sink }) => !sink).map(({ kind, version }) => [kind, version]),
  );
  return {
    header: {
      bailiwick: FORMAT,
      id,
      source,
      startedAt: new Date(first.at).toISOString(),
      records: records.length,
      conversation: first.to.key,
      machines,
      digests: { ...desk.digests },
      settings: desk.settings as unknown as JsonObject,
      redacted: false,
    },
    records,
  };
}
