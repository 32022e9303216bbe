/** Faults of clocks. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Inject } from "./injection.ts";

const FARTHEST_AHEAD_MS = 3_600_000;
/** What was due by a clock that goes back comes later by as much. */
const FARTHEST_BACK_MS = 3_000;

/** The node's wall clock jumps, for good: after a restart it is still off. */
export const clockJump: Inject = async ({ site: { node }, random }) => {
  const { clock } = node.paths;
  const before = existsSync(clock) ? Number(readFileSync(clock, "utf8")) : 0;
  const by = random.chance(0.5)
    ? random.between(1_000, FARTHEST_AHEAD_MS)
    : -random.between(500, FARTHEST_BACK_MS);
  writeFileSync(clock, String(before + by));
  await node.client.moveClock(before + by);
  return { endedAt: Date.now(), how: `by ${(by / 1_000).toFixed(1)} s` };
};
