/**
 * The encoder's keeper in a thread of its own: whoever encodes, in whatever thread, has a port to it, and vectors do not
 * pass through the event loop of the desk on their way to somebody else.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { type Encoder, type EncoderOptions, type OpenEncoder, openEncoder } from "./encoder.ts";
import { EncoderError, type EncoderErrorCode } from "./encoder-error.ts";
import { type EncoderFacts, encoderOn, serveEncoder } from "./encoder-port.ts";

const ENTRY = fileURLToPath(new URL("./encoder-thread-worker.js", import.meta.url));

export type ToThread = { readonly kind: "port"; readonly port: MessagePort } | { readonly kind: "close" };
export type FromThread =
  | { readonly kind: "ready"; readonly facts: EncoderFacts; readonly health: Health }
  | { readonly kind: "health"; readonly health: Health }
  | { readonly kind: "failed"; readonly code: EncoderErrorCode; readonly message: string };
type Health = ReturnType<OpenEncoder["health"]>;

/** An encoder that other threads can have a port to. */
export interface SharedEncoder extends OpenEncoder {
  /** A port for `encoderOn`, to be transferred to the thread that uses it. */
  port(): MessagePort;
}

/**
 * `openEncoder` in a thread, or from the sources, where there is no compiled entry, in this one. Many texts at once have a process of
 * their own unless `bulk` says otherwise: customers' questions are encoded meanwhile.
 * @throws EncoderError as `openEncoder` does.
 */
export async function openSharedEncoder(given: EncoderOptions, entry = ENTRY): Promise<SharedEncoder> {
  const options = { bulk: {}, ...given };
  if (!existsSync(entry)) return sharedHere(await openEncoder(options));
  const worker = new Worker(entry, { workerData: options });
  const tell = (message: ToThread, ports: MessagePort[] = []): void => worker.postMessage(message, ports);
  let health: Health = { state: "starting", restarts: 0, waiting: 0, cached: 0 };
  const facts = await new Promise<EncoderFacts>((resolve, reject) => {
    worker.on("message", (message: FromThread) => {
      if (message.kind === "failed") reject(new EncoderError(message.code, message.message));
      else health = message.health;
      if (message.kind === "ready") resolve(message.facts);
    });
    worker.once("error", reject);
    worker.once("exit", () => reject(new EncoderError("unavailable", "the encoder's thread ended")));
  });
  // A defect of the keeper itself is one of the desk: without a listener it ends the process, which is started again.
  worker.removeAllListeners("error");
  const port = (): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    tell({ kind: "port", port: port1 }, [port1]);
    return port2;
  };
  const own = port();
  return {
    ...encoderOn(own, facts),
    port,
    health: () => health,
    close: async () => {
      const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
      own.close();
      tell({ kind: "close" });
      await gone;
    },
  };
}

function sharedHere(encoder: OpenEncoder): SharedEncoder {
  return {
    id: encoder.id,
    dimension: encoder.dimension,
    encode: (texts, signal) => encoder.encode(texts, signal),
    health: () => encoder.health(),
    close: () => encoder.close(),
    port: () => portTo(encoder),
  };
}

/** A port to an encoder of this thread. */
export function portTo(encoder: Encoder): MessagePort {
  const { port1, port2 } = new MessageChannel();
  serveEncoder(port1, encoder);
  // Whoever waits for an answer keeps the process alive, not the one who could give it.
  port1.unref();
  return port2;
}
