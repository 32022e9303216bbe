/** Entry of a process that plays one recording until it is killed, or to its end. */
import { readRecordings } from "../recording/read.ts";
import type { FromProcess, KilledJob } from "./killed.ts";
import { FrozenDesk } from "./stage.ts";

const { file, id, dir, playbooks, options } = JSON.parse(process.argv[2] ?? "") as KilledJob;
const tell = (message: FromProcess): Promise<void> =>
  new Promise((resolve) => {
    process.send!(message, () => resolve());
  });
process.on("disconnect", () => process.exit(1));

const desk = new FrozenDesk({ dir, playbooks, onPlaced: () => void tell({ kind: "put" }) });
for await (const recording of readRecordings(file)) {
  if (recording.header.id !== id) continue;
  const result = await desk.play(recording, options);
  await tell({ kind: "result", result });
  break;
}
await desk.close();
process.exit(0);
