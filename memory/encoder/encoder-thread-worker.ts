/** Entry of the encoder's thread: opens the encoder, and serves it on each port that it is handed. */
import { parentPort, workerData } from "node:worker_threads";
import { type EncoderOptions, type OpenEncoder, openEncoder } from "./encoder.ts";
import { EncoderError } from "./encoder-error.ts";
import { serveEncoder } from "./encoder-port.ts";
import type { FromThread, ToThread } from "./encoder-thread.ts";

/** How often its state is told, where it has changed, ms. */
const HEALTH_MS = 250;

if (!parentPort) throw new Error("encoder-thread-worker is started by the desk only, not by hand");
const port = parentPort;
const tell = (message: FromThread): void => port.postMessage(message);

try {
  serve(await openEncoder(workerData as EncoderOptions));
} catch (error) {
  if (!(error instanceof EncoderError)) throw error;
  tell({ kind: "failed", code: error.code, message: error.message });
}

function serve(encoder: OpenEncoder): void {
  let shown = "";
  const ticker = setInterval(() => {
    const health = encoder.health();
    const text = JSON.stringify(health);
    if (text === shown) return;
    shown = text;
    tell({ kind: "health", health });
  }, HEALTH_MS);
  port.on("message", async (message: ToThread) => {
    if (message.kind === "port") {
      serveEncoder(message.port, encoder);
      return;
    }
    clearInterval(ticker);
    await encoder.close();
    process.exit(0);
  });
  tell({ kind: "ready", facts: { id: encoder.id, dimension: encoder.dimension }, health: encoder.health() });
}
