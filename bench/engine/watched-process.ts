/** A node under a watchdog, to be killed. Its place comes as JSON in the second argument. */
import { joinWatchdog } from "../../supervisors/index.ts";
import { startNode } from "./node.ts";
import { join, type Place } from "./place.ts";
import { DoneFeed } from "./progress.ts";

const link = joinWatchdog();
const place = JSON.parse(process.argv[3] ?? "") as Place;
const joined = await join(place, "bench-node");
const done = new DoneFeed(joined.bus);
const node = await startNode(place, joined, ({ to, correlation }) => {
  if (to.kind === "channel") done.add(correlation ?? "");
});
process.once("SIGTERM", async () => {
  await node.stop();
  await joined.leave();
  link.leave();
  process.exit(0);
});
link.ready();
