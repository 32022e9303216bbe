/** The thread that reads one PDF. */
import { parentPort, workerData } from "node:worker_threads";
import { textOfPdf } from "./pdf.ts";

try {
  parentPort!.postMessage(await textOfPdf(workerData as Uint8Array));
} catch (error) {
  parentPort!.postMessage({ error: (error as Error).message });
}
