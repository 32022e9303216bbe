/** Entry of a thread that plays the recordings of the files that it is handed, one file after the other. */
import { parentPort, workerData } from "node:worker_threads";
import { Shelf } from "../recording/shelf.ts";
import type { CrewJob, CrewSettings, FromCrew } from "./crew.ts";
import { FrozenDesk } from "./stage.ts";

const port = parentPort!;
const { playbooks, shelfBytes = 0 } = workerData as CrewSettings;
const tell = (message: FromCrew): void => port.postMessage(message);

const desk = new FrozenDesk({ playbooks });
const shelf = new Shelf(shelfBytes);
port.on("message", (job: CrewJob) => {
  void work(job).catch((error: Error) => tell({ kind: "failed", name: error.name, message: error.message }));
});
tell({ kind: "ready" });

async function work(job: CrewJob): Promise<void> {
  if (job.kind === "play") {
    for await (const recording of shelf.recordings(job.file))
      tell({ kind: "result", file: job.file, result: await desk.play(recording, job.options) });
  } else {
    await desk.close();
    if (job.kind === "end") process.exit();
  }
  tell({ kind: "ready" });
}
