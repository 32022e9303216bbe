/** Folders that appear whole or not at all: written beside, then renamed, so that a reader or a crash never meets half of one. */
import { randomBytes } from "node:crypto";
import { rename, rm } from "node:fs/promises";

/**
 * Replaces what is there.
 * @param fill writes the new folder, which is not there yet
 * @param stands whether what another process has put there meanwhile is as good; by default it is not
 */
export async function writeWhole(
  folder: string,
  fill: (fresh: string) => Promise<void>,
  stands: () => Promise<boolean> = async () => false,
): Promise<void> {
  const mark = `${process.pid}-${randomBytes(4).toString("hex")}`;
  const fresh = `${folder}.new-${mark}`;
  const old = `${folder}.old-${mark}`;
  try {
    await fill(fresh);
    await rename(folder, old).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    try {
      await rename(fresh, folder);
    } catch (error) {
      if (!(await stands())) throw error;
    }
  } finally {
    await rm(fresh, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}
