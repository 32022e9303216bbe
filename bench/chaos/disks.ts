/** Small file systems of their own, where this user may mount one, and how they are filled up. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Whether there is one at `dir` now. */
export function mountDisk(dir: string, mib: number): boolean {
  mkdirSync(dir, { recursive: true });
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", dir]).status === 0;
}

/** Also while somebody has still files open there. */
export function unmountDisk(dir: string): void {
  spawnSync("umount", ["-l", dir]);
}

const FILL_EVERY_MS = 100;

/** Keeps a disk full for so long: what is given free meanwhile is taken as well. */
export async function keepFull(dir: string, ms: number): Promise<void> {
  const hogs: string[] = [];
  try {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(FILL_EVERY_MS)) {
      const { bavail, bsize } = statfsSync(dir);
      if (bavail === 0) continue;
      const hog = join(dir, `hog-${hogs.length}`);
      hogs.push(hog);
      try {
        writeFileSync(hog, Buffer.alloc(bavail * bsize));
      } catch {
        // Somebody else has just taken some of it.
      }
    }
  } finally {
    for (const hog of hogs) rmSync(hog, { force: true });
  }
}
