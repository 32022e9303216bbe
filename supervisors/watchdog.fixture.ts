/**
 * Processes for the test of the watchdog. As `parent <mode>` it watches itself as `child <mode>`; the child does what
 * the mode says on its first run and behaves after a restart.
 */
import { fileURLToPath } from "node:url";
import { runWatchdog } from "./watchdog.ts";
import { joinWatchdog } from "./watchdog-child.ts";

const [role, mode] = process.argv.slice(2);
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`);

if (role === "parent") {
  process.exit(
    await runWatchdog({
      entry: fileURLToPath(import.meta.url),
      args: ["child", mode!],
      stallMs: 400,
      startMs: 10_000,
      drainMs: mode === "stubborn" ? 200 : 10_000,
      intensity: { max: 2, periodMs: 60_000 },
      backoff: () => 10,
      onEvent: say,
    }),
  );
}

const first = process.env.BAILIWICK_RESTARTS === "0";
const link = joinWatchdog({ everyMs: 50 });
process.on("SIGTERM", () => {
  if (mode === "stubborn") return;
  const drained = () => {
    say({ type: "drained", pid: process.pid });
    link.leave();
    process.exitCode = 7;
    clearInterval(alive);
  };
  if (mode === "slow") setTimeout(drained, 400);
  else drained();
});
const alive = setInterval(() => {}, 1_000);
if (mode === "bad-start") process.exit(1);
if (mode === "usage") process.exit(2);
link.ready();
if (mode === "stall" && first)
  setTimeout(() => {
    for (;;);
  }, 50);
if (mode === "crash" && first) setTimeout(() => process.exit(1), 50);
if (mode === "always") setTimeout(() => process.exit(1), 20);
