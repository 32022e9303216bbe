/** A node in a process of its own that stops itself when it is told to (a line on its input), as SIGSTOP would anywhere. */
import { createInterface } from "node:readline";
import { connectBus } from "../bus/index.ts";
import { Coordinator } from "./coordinator.ts";

const { url, user, pass, ...options } = JSON.parse(process.argv[2]!);

/** Milliseconds on the clock that all processes of a machine share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;
const say = (line: object) => process.stdout.write(`${JSON.stringify({ at: now(), ...line })}\n`);

const bus = await connectBus({ url, user, pass, name: options.node, reconnectWaitMs: 20 });
const coordinator = await Coordinator.start({
  ...options,
  bus,
  onAcquire: async (partition, epoch) => void say({ what: "acquire", partition, epoch }),
  onRelease: async (partition, reason) => void say({ what: reason, partition }),
});
const input = createInterface({ input: process.stdin });
input.on("line", () => {
  const [partition = -1] = coordinator.owned();
  const before = coordinator.holds(partition);
  process.kill(process.pid, "SIGSTOP");
  // The next thing that this process does when it goes on: no timer and no message comes before.
  const after = coordinator.holds(partition, 0);
  say({ what: "returned", before, after });
});
process.on("SIGTERM", () => {
  input.close();
  void coordinator.stop().then(() => bus.close());
});
await coordinator.settled(10_000);
say({ what: "ready" });
