/** Faults of clocks. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Inject } from "./injection.ts";

const FARTHEST_AHEAD_MS = 3_600_000;
/** What was due by a clock that goes back comes later by as much. */
const FARTHEST_BACK_MS = 3_000;
/** What clocks of machines that keep them in step may be off by. A deadline that one has set is kept by another's clock. */
const FARTHEST_APART_MS = 1_500;

/** The node's wall clock jumps, for good: after a restart it is still off. */
export const clockJump: Inject = async ({ site, node, random }) => {
  const { clock } = node.paths;
  const before = existsSync(clock) ? Number(readFileSync(clock, "utf8")) : 0;
  const alone = site.nodes.length === 1;
  const by = random.chance(0.5)
    ? random.between(1_000, alone ? FARTHEST_AHEAD_MS : FARTHEST_APART_MS)
    : -random.between(500, alone ? FARTHEST_BACK_MS : FARTHEST_APART_MS);
  // Clocks that are further apart every time would be no clocks: from there it jumps to somewhere near the others.
  const to = alone ? before + by : by;
  writeFileSync(clock, String(to));
  await node.client.moveClock(to);
  return { endedAt: Date.now(), how: `by ${((to - before) / 1_000).toFixed(1)} s` };
};
