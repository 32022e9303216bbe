/** The agents of a run: a read at the desk itself, and writes at the two systems, each over HTTP. */
import { setTimeout as sleep } from "node:timers/promises";
import { AskError, type Service } from "../../runtime/host/service.ts";

export interface SystemAddresses {
  /** Honours idempotency keys. */
  readonly keyed: string;
  /** Does not, and can be asked what became of one. */
  readonly asked: string;
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

/** @param asksFirst false leaves out the question that keeps a write from being repeated */
export function chaosServices(systems: SystemAddresses, asksFirst: boolean): Service[] {
  return [
    {
      name: "desk",
      reads: ["look"],
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
        apply: async ({ what }, { idempotencyKey: key, signal }) => {
          if (asksFirst) {
            const { state } = await post(`${systems.asked}/ask`, { key }, signal);
            if (state === "applied") return { state };
          }
          return post(`${systems.asked}/apply`, { key, what }, signal);
        },
      },
    },
  ];
}
