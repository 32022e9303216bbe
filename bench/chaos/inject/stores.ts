/** Faults of what a node keeps: deleted, truncated, damaged. Its process is killed, as with any such loss. */
import { closeSync, ftruncateSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Level } from "level";
import type { Random } from "../../rehydration/random/random.ts";
import type { Inject, Injection } from "./injection.ts";

function damaged(damage: (store: string, random: Random) => Promise<string> | string): Inject {
  return ({ node, random }: Injection) =>
    node.inTurn(async () => {
      let how = "";
      await node.killFor(async () => {
        how = await damage(node.paths.store, random);
      });
      const endedAt = Date.now();
      await node.ready();
      return { endedAt, how };
    });
}

export const deleteStore = damaged((store) => {
  rmSync(store, { recursive: true, force: true });
  return "";
});

/** Some of LevelDB's files end early, as after a power cut on a disk that lied. */
export const truncateStore = damaged((store, random) => {
  const files = readdirSync(store).filter((name) => /^MANIFEST-|\.(log|ldb)$/.test(name));
  const chosen = files.filter(() => random.chance(0.5));
  if (chosen.length === 0 && files.length > 0) chosen.push(random.pick(files));
  for (const name of chosen) {
    const path = join(store, name);
    const handle = openSync(path, "r+");
    ftruncateSync(handle, Math.floor((statSync(path).size * random.between(0, 99)) / 100));
    closeSync(handle);
  }
  return chosen.map((name) => name.replace(/\d+/, "…")).join(", ");
});

/** Snapshots whose bytes were changed, or that are another actor's. */
export const corruptSnapshot = damaged(async (store, random) => {
  const db = new Level<string, string>(store);
  let changed = 0;
  try {
    let before = "";
    for await (const [key, value] of db.iterator({ gte: "s!", lt: "s!~" })) {
      if (!random.chance(0.3)) {
        before = value;
        continue;
      }
      const bytes = Buffer.from(value, "base64");
      const at = random.between(0, Math.max(0, bytes.length - 1));
      bytes[at] = (bytes[at] ?? 0) ^ 0x55;
      const worse = [bytes.toString("base64"), value.slice(0, value.length / 2), before, "{}", ""];
      await db.put(key, random.pick(worse));
      changed++;
    }
  } finally {
    await db.close();
  }
  return `${changed} snapshots`;
});
