/** Faults on purpose, for scenarios: "the order system is down now". Reached only where `app` allows it. */
import { AskError } from "../../runtime/host/service.ts";
import type { Connector, ConnectorAnswer, ConnectorCall } from "./connector.ts";

export type Fault =
  /** It cannot be reached. */
  | { readonly mode: "down" }
  /** It answers late; whoever stops waiting has had no effect. */
  | { readonly mode: "slow"; readonly delayMs: number }
  /** It answers with an error. */
  | { readonly mode: "error" }
  /** It does what it is asked, and the answer is lost on the way. */
  | { readonly mode: "lost" };

export class Faults {
  readonly #faults = new Map<string, { readonly fault: Fault; left: number }>();

  /** @param times how many calls it hits; all until it is taken away unless given. */
  set(system: string, fault: Fault | null, times = Number.POSITIVE_INFINITY): void {
    if (fault) this.#faults.set(system, { fault, left: times });
    else this.#faults.delete(system);
  }
  clear(): void {
    this.#faults.clear();
  }
  active(): Record<string, Fault> {
    return Object.fromEntries([...this.#faults].map(([system, { fault }]) => [system, fault]));
  }

  /** The fault that hits this call, if any. */
  take(system: string): Fault | undefined {
    const entry = this.#faults.get(system);
    if (!entry) return undefined;
    if (--entry.left <= 0) this.#faults.delete(system);
    return entry.fault;
  }
}

/** A connector that obeys the faults. */
export function withFaults(system: string, connector: Connector, faults: Faults): Connector {
  const hit = async (signal: AbortSignal, call: () => Promise<ConnectorAnswer>): Promise<ConnectorAnswer> => {
    const fault = faults.take(system);
    if (fault?.mode === "down") throw new AskError("unavailable", `${system} cannot be reached`, true);
    if (fault?.mode === "error") throw new AskError("failed", `${system} answered with an error`, true);
    if (fault?.mode === "slow") await sleep(fault.delayMs, signal);
    const answer = await call();
    if (fault?.mode === "lost") throw new AskError("unavailable", `the answer of ${system} was lost`, true);
    return answer;
  };
  return {
    kind: connector.kind,
    honoursKeys: connector.honoursKeys,
    execute: (skill, input, call) => hit(call.signal, () => connector.execute(skill, input, call)),
    ...(connector.lookup
      ? {
          lookup: async (key: string, call: ConnectorCall) => {
            if (faults.active()[system]?.mode === "down") {
              throw new AskError("unavailable", `${system} cannot be reached`, true);
            }
            return connector.lookup!(key, call);
          },
        }
      : {}),
  };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}
