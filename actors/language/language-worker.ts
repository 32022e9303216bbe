/** Entry of the language agent's thread: the same service, with the desk's encoder at the other end of a port. */
import { parentPort, workerData } from "node:worker_threads";
import { encoderOn } from "../../memory/encoder/index.ts";
import type { AskError } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { languageService } from "./service.ts";
import type { FromThread, ThreadFailure, ThreadSettings, ToThread } from "./thread-protocol.ts";

if (!parentPort) throw new Error("language-worker is started by the language agent only, not by hand");
const port = parentPort;
const { options, encoder, port: encoderPort } = workerData as ThreadSettings;
const tell = (message: FromThread): void => port.postMessage(message);

const service = languageService({ ...options, encoder: encoderOn(encoderPort, encoder) });
const asks = new Map<number, AbortController>();
let shown = "";

async function answer(id: number, operation: string, input: JsonObject): Promise<void> {
  const asked = new AbortController();
  asks.set(id, asked);
  try {
    const context = {
      idempotencyKey: String(id),
      deadline: Number.POSITIVE_INFINITY,
      signal: asked.signal,
    };
    const value = await service.operations[operation]!(input, context);
    tell({ kind: "answer", id, value });
  } catch (error) {
    tell({ kind: "failure", id, error: failureOf(error) });
  } finally {
    asks.delete(id);
    tellHealth();
  }
}

function failureOf(error: unknown): ThreadFailure {
  const { name, message } = error as Error;
  if (name !== "AskError") return { message: String(message ?? error), retryable: true };
  const { code, retryable } = error as AskError;
  return { code, message, retryable };
}

/** Only when it has changed. */
function tellHealth(): void {
  const health = service.health!();
  const text = JSON.stringify(health);
  if (text === shown) return;
  shown = text;
  tell({ kind: "health", health });
}

port.on("message", (message: ToThread) => {
  switch (message.kind) {
    case "ask":
      void answer(message.id, message.operation, message.input);
      return;
    case "abort":
      asks.get(message.id)?.abort();
  }
});

await service.start?.();
tell({ kind: "ready", health: service.health!() });
