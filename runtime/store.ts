/**
 * Opens a node's LevelDB. All of it is a cache over the log, so one that is damaged (a power cut, a disk that lied) is thrown
 * away and built again: a node that does not start for its sake would be worse than one that starts slowly.
 */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Level } from "level";

/** What every table of LevelDB ends with. One that was cut off is opened all the same, and fails when it is read. */
const TABLE_END = Buffer.from("57fb808b247547db", "hex");

/** @param onDamage told why a store was thrown away */
export async function openStore(
  dir: string,
  onDamage?: (reason: string) => void,
): Promise<Level<string, string>> {
  let damage = cutOff(dir);
  if (damage === undefined) {
    const store = level(dir);
    try {
      await store.open();
      return store;
    } catch (error) {
      damage = corruption(error);
      if (damage === undefined) throw error;
    }
  }
  onDamage?.(damage);
  rmSync(dir, { recursive: true, force: true });
  const store = level(dir);
  await store.open();
  return store;
}

function level(dir: string): Level<string, string> {
  return new Level<string, string>(dir, { valueEncoding: "utf8" });
}

/** What no second try would mend. A full disk, a lock or a missing right are something else, and mended by a person. */
function corruption(error: unknown): string | undefined {
  for (let each = error as { code?: string; cause?: unknown; message?: string } | undefined; each; ) {
    if (each.code === "LEVEL_CORRUPTION") return each.message ?? each.code;
    each = each.cause as typeof each;
  }
  return undefined;
}

function cutOff(dir: string): string | undefined {
  if (!existsSync(dir)) return undefined;
  for (const name of readdirSync(dir)) {
    if (name.endsWith(".ldb") && !endsAsTable(join(dir, name))) return `${name} is cut off`;
  }
  return undefined;
}

function endsAsTable(file: string): boolean {
  const handle = openSync(file, "r");
  try {
    const end = Buffer.alloc(TABLE_END.length);
    const at = fstatSync(handle).size - end.length;
    return at >= 0 && readSync(handle, end, 0, end.length, at) === end.length && end.equals(TABLE_END);
  } finally {
    closeSync(handle);
  }
}
