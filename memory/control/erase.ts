/** Erasing a customer: noted where no backup reaches, then the key, then what is kept. */
import type { Clock } from "../../runtime/clock.ts";
import { AskError } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import type { KeyRing } from "../../runtime/log/sealer.ts";
import type { FactStore } from "../store/facts.ts";
import type { Holds } from "../store/holds.ts";
import type { Summaries } from "../store/summaries.ts";
import type { TurnStore } from "../store/turns.ts";
import type { MemoryWriter } from "../stream/writer.ts";
import type { BegunErasures } from "./begun.ts";

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

export interface EraserParts {
  readonly keys: KeyRing;
  readonly writer: MemoryWriter;
  readonly facts: FactStore;
  readonly turns: TurnStore;
  readonly summaries: Summaries;
  readonly holds: Holds;
  readonly begun: BegunErasures;
  readonly clock: Clock;
  readonly notes?: EraseNotes;
}

export class Eraser {
  readonly #p: EraserParts;
  /** Those that are under way, by customer: who asks again meanwhile gets the same. */
  readonly #underWay = new Map<string, Promise<EraseReceipt>>();

  constructor(parts: EraserParts) {
    this.#p = parts;
  }

  /**
   * One that was interrupted is gone on with.
   * @param id of the event that says so
   * @throws AskError `not_noted` when it can't be noted: then nothing was erased
   */
  erase(customer: string, id: string, signal?: AbortSignal): Promise<EraseReceipt> {
    const same = this.#underWay.get(customer);
    if (same) return same;
    const erasing = this.#erase(customer, id, signal).finally(() => this.#underWay.delete(customer));
    this.#underWay.set(customer, erasing);
    return erasing;
  }

  /**
   * Goes on with those whose process ended in the middle; answers how many there were.
   * @throws what kept the first of them from ending, once all were tried
   */
  async finish(): Promise<number> {
    const { begun, holds, writer } = this.#p;
    const interrupted: string[] = [];
    for await (const customer of begun.customers())
      if (!this.#underWay.has(customer)) interrupted.push(customer);
    if (interrupted.length > 0) await writer.fresh({ seq: await writer.head() });
    const failures: unknown[] = [];
    for (const customer of interrupted) {
      try {
        const erasure = await begun.of(customer);
        // One can only be in force while the key is there: then nothing has been erased yet, and nothing may be.
        if (await holds.of(customer)) await begun.end(customer);
        else if (erasure) await this.erase(customer, erasure.id);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return interrupted.length;
  }

  async #erase(customer: string, newId: string, signal?: AbortSignal): Promise<EraseReceipt> {
    const { keys, begun, writer } = this.#p;
    const from = performance.now();
    const interrupted = await begun.of(customer);
    const id = interrupted?.id ?? newId;
    const before = await this.#belonging(customer, interrupted?.conversations);
    const events = [...new Set([...(interrupted?.events ?? []), ...(await this.#events(customer))])];
    await this.#note(customer, before);
    await begun.begin(customer, { id, conversations: before, events });
    // The key first: from here on nothing of it can be read, even when the deleting is interrupted.
    await keys.destroy(customer);
    const at = new Date().toISOString();
    // What was being folded while the key went may have made another conversation known as the customer's.
    await writer.fresh({ seq: await writer.head(), signal });
    const conversations = await this.#belonging(customer, before);
    const late = conversations.filter((each) => !before.includes(each));
    if (late.length > 0) await this.#note(customer, late);
    for (const each of conversations) if (!(await keys.isDestroyed(each))) await keys.destroy(each);
    const said = { type: "erase" as const, id, at: this.#p.clock.now(), customer, conversations };
    const written = await writer.write(said, signal);
    await writer.discard(events);
    await begun.end(customer);
    return {
      erased: true,
      ...(written?.outcome ?? { facts: 0, turns: 0, conversations: 0 }),
      events: events.length,
      pending: written?.outcome === undefined,
      receipt: keys.keyedHash("erasure", customer),
      at,
      keys: conversations.length,
      noted: this.#p.notes !== undefined,
      ms: Math.round(performance.now() - from),
    };
  }

  /** Conversations that are the customer's: those whose keys are under the customer's, and those in which it was known. */
  async #belonging(customer: string, known: readonly string[] = []): Promise<string[]> {
    const { keys, turns } = this.#p;
    const [under, knownIn] = [await keys.under(customer), await turns.conversationsOf(customer)];
    return [...new Set([...known, ...under, ...knownIn])];
  }

  /** Sequences of the events that the customer came with: asked for while they can still be told apart from those of others. */
  async #events(customer: string): Promise<number[]> {
    const { facts, turns, summaries } = this.#p;
    return [
      ...(await facts.sequencesOf(customer)),
      ...(await turns.sequencesOf(customer)),
      ...(await summaries.sequencesOf(await turns.conversationsOf(customer))),
    ];
  }

  async #note(customer: string, conversations: readonly string[]): Promise<void> {
    try {
      await this.#p.notes?.note(customer, conversations);
    } catch (error) {
      throw new AskError("not_noted", `nothing was erased: ${(error as Error).message}`);
    }
  }
}
