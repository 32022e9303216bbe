/** A data directory that can't be written any more. Needs the right to mount a small file system. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { address } from "../address.ts";
import { channel, counter } from "./test-machines.ts";
import { TestDesk } from "./testing.ts";

const small = mkdtempSync(join(tmpdir(), "bw-small-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", small]).status === 0;
if (!mounted)
  console.warn("storage.test.ts: not allowed to mount a file system, the full disk is not tested");

let desk: TestDesk | undefined;
afterEach(async () => {
  await desk?.stop().catch(() => {});
  if (mounted) spawnSync("umount", [small]);
  rmSync(small, { recursive: true, force: true });
});

describe.skipIf(!mounted)("a full disk under the node", () => {
  it("loses nothing: the log decides, the node asks to be started again, and goes on when there is room", async () => {
    const dir = join(small, "engine");
    mkdirSync(dir);
    const failures: Error[] = [];
    desk = await TestDesk.start({
      definitions: [counter, channel],
      dir,
      host: { snapshotEveryMs: 20, failAfterMs: 200 },
      onFailure: (error) => failures.push(error),
    });
    const c1 = address("counter", "c1");
    const total = async () => ((await desk!.node.read(c1))?.view as any)?.total;
    await desk.send(c1, "add");
    await desk.until(async () => (await total()) === 1);

    const hog = join(small, "hog");
    const { bavail, bsize } = statfsSync(small);
    writeFileSync(hog, Buffer.alloc(bavail * bsize));
    let sent = 1;
    while (failures.length === 0) {
      await desk.send(c1, "add");
      sent++;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    // What is accepted is folded all the same.
    await desk.until(async () => (await total()) === sent);
    expect(failures).toHaveLength(1);
    expect(failures[0]!.message).toMatch(/data directory/);
    await expect(desk.node.stop()).rejects.toThrow();
    await desk.bus.close();

    rmSync(hog);
    await desk.up();
    await desk.until(async () => (await total()) === sent);
    expect(await desk.node.verify(c1)).toMatchObject({ same: true });
    await desk.node.stop();
  });
});
