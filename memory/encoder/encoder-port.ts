/**
 * An encoder at the other end of a port, so that threads share one encoder, and its cache, without going through each
 * other's event loops.
 */
import type { MessagePort } from "node:worker_threads";
import type { Encoder } from "./encoder.ts";
import { EncoderError, type EncoderErrorCode } from "./encoder-error.ts";

type Asked =
  | { readonly kind: "encode"; readonly id: number; readonly texts: readonly string[] }
  | { readonly kind: "stop"; readonly id: number };
type Answered =
  | { readonly id: number; readonly vectors: readonly Float32Array[] }
  | { readonly id: number; readonly error: { readonly code?: EncoderErrorCode; readonly message: string } };

/** What has to be known of an encoder to ask it over a port. */
export type EncoderFacts = Pick<Encoder, "id" | "dimension">;

/** Answers what is asked on the port until the other side closes it. */
export function serveEncoder(port: MessagePort, encoder: Encoder): void {
  const asked = new Map<number, AbortController>();
  port.on("message", async (message: Asked) => {
    const { id } = message;
    if (message.kind === "stop") {
      asked.get(id)?.abort();
      return;
    }
    const limit = new AbortController();
    asked.set(id, limit);
    try {
      const vectors = await encoder.encode(message.texts, limit.signal);
      port.postMessage({ id, vectors } satisfies Answered);
    } catch (error) {
      const { code, message: text } = error as Partial<EncoderError>;
      const known = error instanceof EncoderError ? { code } : {};
      port.postMessage({ id, error: { ...known, message: String(text ?? error) } } satisfies Answered);
    } finally {
      asked.delete(id);
    }
  });
  port.on("close", () => {
    for (const limit of asked.values()) limit.abort();
  });
}

interface Waiting {
  readonly resolve: (vectors: Float32Array[]) => void;
  readonly reject: (error: unknown) => void;
}

/** The encoder that is served at the other end. What is open when the port closes is rejected as `closed`. */
export function encoderOn(port: MessagePort, { id, dimension }: EncoderFacts): Encoder {
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let closed = false;
  const gone = (): EncoderError => new EncoderError("closed", "the encoder is closed");
  port.on("message", (answer: Answered) => {
    const asked = waiting.get(answer.id);
    if ("vectors" in answer) asked?.resolve([...answer.vectors]);
    else asked?.reject(errorOf(answer.error));
  });
  port.on("close", () => {
    closed = true;
    for (const asked of waiting.values()) asked.reject(gone());
  });
  return {
    id,
    dimension,
    encode: (texts, signal) => {
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (closed) return Promise.reject(gone());
      return new Promise((resolve, reject) => {
        const number = ++last;
        const ended =
          <T>(end: (value: T) => void) =>
          (value: T): void => {
            waiting.delete(number);
            signal?.removeEventListener("abort", stop);
            end(value);
          };
        const asked: Waiting = { resolve: ended(resolve), reject: ended(reject) };
        const stop = (): void => {
          port.postMessage({ kind: "stop", id: number } satisfies Asked);
          asked.reject(signal?.reason);
        };
        waiting.set(number, asked);
        signal?.addEventListener("abort", stop, { once: true });
        port.postMessage({ kind: "encode", id: number, texts } satisfies Asked);
      });
    },
  };
}

function errorOf({ code, message }: { code?: EncoderErrorCode; message: string }): Error {
  return code === undefined ? new Error(message) : new EncoderError(code, message);
}
