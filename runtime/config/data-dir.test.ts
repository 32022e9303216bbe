import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isDataDirHeld, nodeFile, openDataDir, prepareDataDir, readNodeInfo } from "./data-dir.ts";
import { fullDisk } from "./disk.ts";
import { DataDirLockedError, UsageError } from "./errors.ts";
import { projectRoot } from "./paths.ts";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "data-dir-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const mode = (path: string) => statSync(path).mode & 0o777;

describe("openDataDir", () => {
  it("makes a private directory with an admin token that stays the same", async () => {
    const dir = join(base, "a/b");
    const first = await openDataDir(dir);
    expect(mode(dir)).toBe(0o700);
    expect(mode(first.adminTokenFile)).toBe(0o600);
    const token = readFileSync(first.adminTokenFile, "utf8");
    expect(Buffer.from(token.trim(), "base64url")).toHaveLength(32);
    await first.release();
    const second = await openDataDir(dir);
    expect(readFileSync(second.adminTokenFile, "utf8")).toBe(token);
    await second.release();
  });

  it("announces the node, privately, until it is released", async () => {
    const dir = await openDataDir(base);
    dir.announce({ pid: 1, url: "http://127.0.0.1:1" });
    expect(mode(nodeFile(base))).toBe(0o600);
    expect(readNodeInfo(base)).toEqual({ pid: 1, url: "http://127.0.0.1:1" });
    await dir.release();
    expect(existsSync(nodeFile(base))).toBe(false);
    writeFileSync(nodeFile(base), "not json");
    expect(readNodeInfo(base)).toBeUndefined();
  });

  it("is for one node at a time, and says who has it", async () => {
    const dir = await openDataDir(base);
    dir.announce({ pid: 4711, url: "http://127.0.0.1:7420" });
    await expect(openDataDir(base)).rejects.toThrow(DataDirLockedError);
    await expect(openDataDir(base)).rejects.toThrow(/process 4711, http:\/\/127.0.0.1:7420.*--data-dir/);
    expect(await isDataDirHeld(base)).toBe(true);
    await dir.release();
    expect(await isDataDirHeld(base)).toBe(false);
    await (await openDataDir(base)).release();
  });

  it("is free again when its holder was killed", async () => {
    const script = `
      const { Level } = require("level");
      new Level(${JSON.stringify(join(base, "lock"))}).open().then(() => console.log("held"));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["-e", script], {
      cwd: projectRoot,
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((held) => child.stdout.once("data", held));
    await expect(openDataDir(base)).rejects.toThrow(DataDirLockedError);
    const ended = new Promise((end) => child.once("exit", end));
    child.kill("SIGKILL");
    await ended;
    await (await openDataDir(base)).release();
  });

  it("asks for nothing when nobody has ever opened it", async () => {
    expect(await isDataDirHeld(join(base, "none"))).toBe(false);
    expect(existsSync(join(base, "none"))).toBe(false);
  });
});

it("a disk without room is named with what mends it", () => {
  expect(fullDisk(base, 1)).toBeUndefined();
  const needed = 2 ** 60;
  expect(fullDisk(base, needed)).toMatch(
    /^the disk of .* MiB left, at least \d+ are needed: free some space \(df -h/,
  );
});

describe("prepareDataDir", () => {
  it("refuses a file and a place that cannot be written", () => {
    writeFileSync(join(base, "file"), "");
    expect(() => prepareDataDir(join(base, "file"))).toThrow(UsageError);
    expect(() => prepareDataDir(join(base, "file/below"))).toThrow(UsageError);
    expect(() => prepareDataDir(join(base, "file/below"))).toThrow(`${join(base, "file")} is no directory`);
    // Also for root, to whom permission bits mean nothing.
    expect(() => prepareDataDir("/proc/bailiwick")).toThrow(UsageError);
  });

  it("closes a new or empty directory, and leaves the mode of other people's alone", () => {
    const empty = join(base, "empty");
    mkdirSync(empty, { mode: 0o755 });
    prepareDataDir(empty);
    expect(mode(empty)).toBe(0o700);
    const shared = join(base, "shared");
    mkdirSync(shared, { mode: 0o755 });
    writeFileSync(join(shared, "theirs"), "");
    prepareDataDir(shared);
    expect(mode(shared)).toBe(0o755);
  });
});
