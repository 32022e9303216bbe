/** Erasing a customer: noted where no backup reaches, then the key, then what is kept. */

import { AskError } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import type { KeyRing } from "../../runtime/log/sealer.ts";

/** Where erasures are noted before they are made, so that whoever brings an older state back can make them again. */
export interface EraseNotes {
  /** Durable when it resolves. @throws when it can't be noted: then nothing is erased */
  note(customer: string, conversations: readonly string[]): Promise<void> | void;
  /**
   * Told of each erasure that this node's copy comes to, wherever it was made and perhaps again: each node has a list of its own.
   * @param at ms since the epoch
   */
  heard?(customer: string, conversations: readonly string[], at: number): void;
}

export interface EraseParts {
  readonly keys: KeyRing;
  readonly notes?: EraseNotes;
  /** Conversations in which the customer was known. */
  conversationsOf(customer: string): Promise<readonly string[]>;
  /** Sequences of the events that it came with: asked for while they can still be told apart from those of others. */
  events(customer: string): Promise<readonly number[]>;
  /** Deletes what can't be read any more; answers how much that was, undefined when this node has yet to come to it. */
  forget(
    customer: string,
    events: readonly number[],
    conversations: readonly string[],
  ): Promise<{ facts: number; turns: number; conversations: number } | undefined>;
}

/** What is left to show of an erasure. It names nobody. */
export interface EraseReceipt extends JsonObject {
  readonly erased: true;
  /** Deleted at this node; 0 while it has yet to come to it, see `pending`. */
  readonly facts: number;
  readonly turns: number;
  readonly conversations: number;
  /** Events that were deleted from the stream. */
  readonly events: number;
  /** This node's copy is behind: it deletes when it comes to the erasure. Nobody can read it until then either. */
  readonly pending: boolean;
  /** A keyed hash for this purpose: only this workspace can tell whose it is, and only of an id that it is given. */
  readonly receipt: string;
  /** When the key was destroyed, ISO 8601. */
  readonly at: string;
  /** Keys that went with the customer's: conversations'. */
  readonly keys: number;
  /** Whether it is on the list of erasures, for backups that are restored later. */
  readonly noted: boolean;
  readonly ms: number;
}

/** @throws AskError `not_noted` when it can't be noted: then nothing was erased */
export async function eraseCustomer(customer: string, parts: EraseParts): Promise<EraseReceipt> {
  const { keys, notes } = parts;
  const begun = performance.now();
  const belonging = async (): Promise<string[]> => [
    ...new Set([...(await keys.under(customer)), ...(await parts.conversationsOf(customer))]),
  ];
  const note = async (conversations: readonly string[]): Promise<void> => {
    try {
      await notes?.note(customer, conversations);
    } catch (error) {
      throw new AskError("not_noted", `nothing was erased: ${(error as Error).message}`);
    }
  };
  const before = await belonging();
  const events = await parts.events(customer);
  await note(before);
  // The key first: from here on nothing of it can be read, even when the deleting is interrupted.
  await keys.destroy(customer);
  const at = new Date().toISOString();
  const after = await belonging();
  // One that became known as the customer's in between, or whose key had not been put under the customer's yet.
  const late = after.filter((each) => !before.includes(each));
  if (late.length > 0) await note(after);
  for (const each of after) if (!(await keys.isDestroyed(each))) await keys.destroy(each);
  const forgotten = await parts.forget(customer, events, after);
  return {
    erased: true,
    ...(forgotten ?? { facts: 0, turns: 0, conversations: 0 }),
    events: events.length,
    pending: forgotten === undefined,
    receipt: keys.keyedHash("erasure", customer),
    at,
    keys: after.length,
    noted: notes !== undefined,
    ms: Math.round(performance.now() - begun),
  };
}
