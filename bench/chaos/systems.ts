/** The agents of a run: a read at the desk itself, and writes at the three systems, each over HTTP. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AskError, type Service } from "../../runtime/host/service.ts";
import type { SinkName } from "./history.ts";

export type SystemAddresses = Readonly<Record<SinkName, string>>;

/** Keys of the writes that a node has begun, noted before it begins: after a crash nobody else would know. */
export class WritesBegun {
  readonly #path: string;
  readonly #keys: Set<string>;

  constructor(path: string) {
    this.#path = path;
    this.#keys = new Set(existsSync(path) ? readFileSync(path, "utf8").split("\n") : []);
  }

  /** False when it was begun before. */
  begin(key: string): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    appendFileSync(this.#path, `${key}\n`);
    return true;
  }
}

const READ_MS = 15;

async function post(url: string, body: object, signal: AbortSignal): Promise<{ [name: string]: string }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw new AskError("unavailable", `${url} answered ${response.status}`, true);
  return (await response.json()) as { [name: string]: string };
}

/** Between a question and the write that follows from it a node may have stood still, and another one may have written. */
function heldBy(mayAct: (() => boolean) | undefined): void {
  if (mayAct?.() === false) throw new AskError("unavailable", "it is another node's to do by now", true);
}

/** @param asksFirst false leaves out the question that keeps a write from being repeated */
export function chaosServices(systems: SystemAddresses, asksFirst: boolean, begun: WritesBegun): Service[] {
  return [
    {
      name: "desk",
      repeatable: ["look"],
      operations: {
        look: async ({ what }) => {
          await sleep(READ_MS);
          return { about: String(what) };
        },
      },
    },
    {
      name: "keyed",
      operations: {
        apply: ({ what }, { idempotencyKey: key, signal }) =>
          post(`${systems.keyed}/apply`, { key, what }, signal),
      },
    },
    {
      name: "asked",
      operations: {
        apply: async ({ what }, { idempotencyKey: key, signal, mayAct }) => {
          if (asksFirst) {
            const { state } = await post(`${systems.asked}/ask`, { key }, signal);
            if (state === "applied") return { state };
          }
          heldBy(mayAct);
          return post(`${systems.asked}/apply`, { key, what }, signal);
        },
      },
    },
    {
      name: "blind",
      operations: {
        // What may have been done, here or by another node, is not done again: somebody has to look.
        apply: async ({ what }, { idempotencyKey: key, signal, again, mayAct }) => {
          heldBy(mayAct);
          if (again || !begun.begin(key)) throw new AskError("unknown_outcome", "nobody knows", false);
          return post(`${systems.blind}/apply`, { key, what }, signal);
        },
      },
    },
  ];
}
