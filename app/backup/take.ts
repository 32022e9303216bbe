/** Writes an archive to a file, which appears as a whole or not at all. */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { processIdentity } from "../../runtime/bus/index.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import type { Manifest } from "./manifest.ts";
import { type ReadOptions, verifyArchive } from "./verify.ts";

export interface TakeOptions extends Pick<ReadOptions, "signal"> {
  /** Replaces a file that is there. */
  readonly force?: boolean;
  readonly progress?: (what: string, done?: number, all?: number) => void;
}

/** @throws UsageError when the file is there, or can't be made where it is to be */
export function mustBeFree(file: string, force = false): void {
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) throw new UsageError(`there is no folder ${folder}: make it, or write elsewhere`);
  if (!existsSync(file)) return;
  if (!statSync(file).isFile()) throw new UsageError(`${file} is no file: name one to write`);
  if (!force)
    throw new UsageError(`${file} is there already: name another file, or say --force to replace it`);
}

/**
 * Takes what comes, looks whether it is a whole archive as it lies on the disk, and gives it its name.
 * @throws UsageError, ArchiveError; nothing is left behind then, and a file that was there is as it was
 */
export async function takeArchive(
  file: string,
  content: AsyncIterable<Uint8Array>,
  { force, signal, progress }: TakeOptions = {},
): Promise<Manifest> {
  const partial = partialOf(file, process.pid);
  try {
    mustBeFree(file, force);
    clearAway(file);
    const handle = await open(partial, "wx", 0o600);
    let bytes = 0;
    try {
      for await (const chunk of content) {
        signal?.throwIfAborted();
        await handle.write(chunk);
        bytes += chunk.length;
        progress?.(`${Math.floor(bytes / 1024 / 1024)} MiB`);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    const manifest = await verifyArchive(partial, {
      signal,
      progress: (done, all) => progress?.("checking it", done, all),
    }).catch((error) => {
      // It has its name only once it is whole.
      if (error instanceof Error) error.message = error.message.replaceAll(partial, file);
      throw error;
    });
    signal?.throwIfAborted();
    mustBeFree(file, force);
    renameSync(partial, file);
    const folder = await open(dirname(resolve(file)), "r");
    await folder.sync().finally(() => folder.close());
    return manifest;
  } catch (error) {
    rmSync(partial, { force: true });
    await end(content);
    throw error;
  }
}

/** Whoever makes it need not go on, also where nothing of it was read. */
async function end(content: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await content[Symbol.asyncIterator]().return?.();
  } catch {
    // It has ended, or broken off by itself.
  }
}

function partialOf(file: string, pid: number): string {
  return `${file}.${pid}.partial`;
}

/** What was being written to this file when its process was killed. */
function clearAway(file: string): void {
  const folder = dirname(resolve(file));
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${basename(file)}.`) || !name.endsWith(".partial")) continue;
    const pid = Number(name.slice(basename(file).length + 1, -".partial".length));
    if (Number.isInteger(pid) && processIdentity(pid) === undefined)
      rmSync(partialOf(file, pid), { force: true });
  }
}
