/** Room on the disk of a directory. */
import { statfsSync } from "node:fs";

const MIB = 1024 * 1024;
/** A node does not start with less: it would not get far. */
export const START_FREE_BYTES = 64 * MIB;
/** With less, nothing can be relied on to be written. */
export const FULL_BYTES = 16 * MIB;

/** A sentence that says what is wrong and which command mends it; undefined when there is room. */
export function fullDisk(dir: string, needed: number): string | undefined {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  if (free >= needed) return undefined;
  return `the disk of ${dir} has ${Math.floor(free / MIB)} MiB left, at least ${needed / MIB} are needed: free some space (df -h ${dir}), or choose another directory with --data-dir`;
}
