/** Entry of the language agent's thread: the same service, with the desk's encoder at the other end of the port. */
import { parentPort, workerData } from "node:worker_threads";
import type { AskError } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { languageService } from "./service.ts";
import type { FromThread, ThreadFailure, ThreadSettings, ToThread } from "./thread-protocol.ts";
import type { Encoder } from "./types.ts";

if (!parentPort) throw new Error("language-worker is started by the language agent only, not by hand");
const port = parentPort;
const { options, encoder } = workerData as ThreadSettings;
const tell = (message: FromThread): void => port.postMessage(message);

interface Encoding {
  readonly resolve: (vectors: Float32Array[]) => void;
  readonly reject: (error: unknown) => void;
}
const encodings = new Map<number, Encoding>();
let last = 0;

const remote: Encoder = {
  ...encoder,
  encode: (texts, signal) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      const stop = (): void => {
        encodings.delete(id);
        tell({ kind: "stop-encoding", id });
        reject(signal?.reason);
      };
      const ended =
        <T>(end: (value: T) => void) =>
        (value: T): void => {
          encodings.delete(id);
          signal?.removeEventListener("abort", stop);
          end(value);
        };
      encodings.set(id, { resolve: ended(resolve), reject: ended(reject) });
      signal?.addEventListener("abort", stop, { once: true });
      tell({ kind: "encode", id, texts });
    }),
};

const service = languageService({ ...options, encoder: remote });
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
      return;
    case "encoded":
      encodings.get(message.id)?.resolve([...message.vectors]);
      return;
    case "not-encoded":
      encodings.get(message.id)?.reject(new Error(message.message));
  }
});

await service.start?.();
tell({ kind: "ready", health: service.health!() });
