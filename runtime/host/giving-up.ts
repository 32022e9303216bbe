/** Records that are given up: each is a dead letter that can be read and retried, and where it was for an actor, a record
 * that every later fold obeys. */
import { formatAddress } from "../address.ts";
import type { NewRecord, StoredRecord } from "../envelope.ts";
import type { NewDeadLetter } from "../log/dead-letters.ts";
import { messageAt } from "../log/stream.ts";
import { QUARANTINED } from "./definition.ts";
import { HOST, type HostParts, sleep, TRY_AGAIN_MS } from "./host-options.ts";
import { quarantineId, SKIPPED } from "./quarantine.ts";
import type { Sender } from "./sender.ts";

export class GivingUp {
  readonly counts = { quarantined: 0, deadLetters: 0 };
  readonly #p: HostParts;
  readonly #sender: () => Sender;
  readonly #isClosed: () => boolean;

  constructor(parts: HostParts, sender: () => Sender, isClosed: () => boolean) {
    this.#p = parts;
    this.#sender = sender;
    this.#isClosed = isClosed;
  }

  isQuarantined(record: StoredRecord): boolean {
    return this.#p.index.firstSeq(quarantineId(record.id)) !== undefined;
  }

  /**
   * That a record is given up is a record itself.
   * @param as what the actor is told; `SKIPPED` is nothing. An actor that can't even take this news is left alone with it.
   * @throws when the partition is not owned any more
   */
  async quarantine(
    record: StoredRecord,
    error: unknown,
    attempts: number,
    as = record.type === QUARANTINED ? SKIPPED : QUARANTINED,
  ): Promise<void> {
    const { id, seq, type, to } = record;
    const message = await messageAt(this.#p.bus, this.#p.stream, seq);
    await this.bury(message?.data ?? new Uint8Array(), {
      seq,
      recordId: id,
      to: formatAddress(to),
      type,
      attempts,
      reason: String((error as Error)?.message ?? error),
      stack: (error as Error)?.stack,
      key: to.key,
    });
    const decision: NewRecord = {
      id: quarantineId(id),
      type: as,
      from: HOST,
      to,
      cause: id,
      correlation: record.correlation ?? id,
      clear: { record: id, type, attempts },
    };
    const kept = await this.#sender().send(decision);
    // From now on, not only once it was read back.
    if (kept) this.#p.index.note(kept.seq, decision.id, to);
    this.counts.quarantined++;
  }

  /** Keeps a dead letter. It is all that is left of the record, so this is tried until it is kept. */
  async bury(original: Uint8Array, letter: Omit<NewDeadLetter, "original">): Promise<void> {
    this.counts.deadLetters++;
    for (;;) {
      try {
        await this.#p.deadLetters.put({ ...letter, original });
        return;
      } catch (error) {
        if (this.#isClosed()) throw error;
        this.#p.log.warn("a dead letter was not kept yet", {
          error: String((error as Error)?.message ?? error),
        });
        await sleep(TRY_AGAIN_MS);
      }
    }
  }
}
