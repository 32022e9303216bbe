/**
 * Writes to systems that do not honour idempotency keys. What was sent is noted before it is sent, so that after a lost
 * answer or a crash nobody sends it twice: the system is asked, and where it cannot be asked the outcome is *unknown*
 * until a person says what happened.
 */
import { AskError } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { type BackOffice, Refusal } from "../skills/backoffice/index.ts";
import type { ConnectorAnswer, LookUp } from "./connector.ts";

interface Entry {
  readonly operation: string;
  readonly sentAt: number;
  readonly result?: JsonObject;
  /** It was certainly not done: the system said no. */
  readonly refused?: { readonly code: string; readonly reason: string };
}

interface Means {
  /** Another node may have sent it: then that nothing is noted here says nothing. */
  readonly again?: boolean;
  /** Whether this node may still write; where it may not, another one asks whether it was done, and does it. */
  readonly mayAct?: () => boolean;
  write(): Promise<ConnectorAnswer>;
  lookup?(): Promise<LookUp>;
}

export class WriteJournal {
  readonly #office: BackOffice;
  /** Keys that are being sent by this process. */
  readonly #underWay = new Map<string, Promise<ConnectorAnswer>>();

  constructor(office: BackOffice) {
    this.#office = office;
  }

  /** What came of a key as far as this desk knows; `unknown` when it was sent and nothing came back. */
  async lookup(key: string): Promise<LookUp | { readonly found: false; readonly unknown: true }> {
    const entry = await this.#read(key);
    if (entry?.result) return { found: true, result: entry.result };
    return entry && !entry.refused ? { found: false, unknown: true } : { found: false };
  }

  /** A person has looked: what was unknown was done, or was not, and may be tried again under its key. */
  async resolve(key: string, done: boolean, result: JsonObject = {}): Promise<boolean> {
    const entry = await this.#read(key);
    if (!entry) return false;
    if (done) await this.#save(key, { ...entry, result });
    else await this.#forget(key);
    return true;
  }

  /** @throws AskError `unknown_outcome` when nobody can say whether it was done. */
  write(system: string, operation: string, key: string, now: number, means: Means): Promise<ConnectorAnswer> {
    const already = this.#underWay.get(key);
    if (already) return already;
    const work = this.#write(system, operation, key, now, means).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, work);
    return work;
  }

  async #write(
    system: string,
    operation: string,
    key: string,
    now: number,
    means: Means,
  ): Promise<ConnectorAnswer> {
    const before = await this.#read(key);
    if (before?.result) return { value: before.result };
    if (before?.refused) {
      throw new Refusal(before.refused.code, before.refused.reason, `${operation} was refused before`);
    }
    if (before || means.again) {
      const known = await this.#ask(means);
      if (known === "unknown") throw unknown(system, operation);
      if (known.found) return this.#done(key, before ?? { operation, sentAt: now }, known.result);
    }
    const entry: Entry = { operation, sentAt: now };
    await this.#save(key, entry);
    if (means.mayAct?.() === false) {
      await this.#forget(key);
      throw new AskError("unavailable", `${operation} is another node's to do by now`, true);
    }
    try {
      const answer = await means.write();
      await this.#save(key, { ...entry, result: answer.value });
      return answer;
    } catch (error) {
      if (error instanceof Refusal) {
        await this.#save(key, { ...entry, refused: { code: error.code, reason: error.reason } });
        throw error;
      }
      const known = await this.#ask(means);
      if (known === "unknown") throw unknown(system, operation);
      if (known.found) return this.#done(key, entry, known.result);
      // It was certainly not done: whoever wants it may ask again under the same key.
      await this.#forget(key);
      throw error;
    }
  }

  async #ask(means: Means): Promise<LookUp | "unknown"> {
    try {
      return (await means.lookup?.()) ?? "unknown";
    } catch {
      return "unknown";
    }
  }

  async #done(key: string, entry: Entry, result: JsonObject): Promise<ConnectorAnswer> {
    await this.#save(key, { ...entry, result });
    return { value: result };
  }
  #read(key: string): Promise<Entry | undefined> {
    return this.#office.note(key) as Promise<Entry | undefined>;
  }
  #save(key: string, entry: Entry): Promise<void> {
    return this.#office.setNote(key, entry as unknown as JsonObject);
  }
  #forget(key: string): Promise<void> {
    return this.#office.setNote(key, undefined);
  }
}

function unknown(system: string, operation: string): AskError {
  return new AskError(
    "unknown_outcome",
    `nobody knows whether ${system} did ${operation}: a person has to look`,
    false,
  );
}
