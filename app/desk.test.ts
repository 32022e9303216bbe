/**
 * The desk as its processes: killed in the middle of conversations, started twice, stopped. The drivers keep lists of
 * their own of what was accepted and what was answered.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { processIdentity } from "../runtime/bus/index.ts";
import { START_MS } from "./testing.ts";
import {
  BIN,
  converse,
  expectNothingLostOrDoubled,
  family,
  freePort,
  killAll,
  running,
  takenPort,
  type Up,
  up,
} from "./testing-processes.ts";

const base = mkdtempSync(join(tmpdir(), "bw-processes-"));
const isRoot = process.getuid?.() === 0;
/** The user `nobody`: root may write anywhere. */
const ORDINARY = { uid: 65_534, gid: 65_534 };

function commandsOf(pids: readonly number[]): string[] {
  return pids
    .filter((pid) => processIdentity(pid) !== undefined)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").slice(0, 120);
      } catch {
        return `process ${pid}`;
      }
    });
}

/** Runs `up` until it ends by itself. */
async function failing(
  args: readonly string[],
  user?: { uid: number; gid: number },
): Promise<{ code: number | null; lines: string[] }> {
  const child = spawn(process.execPath, [BIN, "up", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    ...user,
    env: { ...process.env, HOME: base },
  });
  running.push(child);
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  return { code, lines: stderr.trim().split("\n") };
}

afterAll(() => {
  killAll();
  rmSync(base, { recursive: true, force: true, maxRetries: 5 });
});

describe("a desk in the middle of ten conversations", () => {
  const dataDir = join(base, "killed");
  let desk: Up;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    desk = await up(dataDir, port);
  }, START_MS);

  it(
    "loses nothing and says nothing twice when its runtime is killed",
    async () => {
      const before = desk.runtime();
      const drivers = await converse([desk], () => void process.kill(before, "SIGKILL"));
      await expectNothingLostOrDoubled(drivers);
      expect(desk.runtime()).not.toBe(before);
    },
    START_MS,
  );

  it(
    "neither when its nats-server is killed",
    async () => {
      const before = desk.nats();
      const runtime = desk.runtime();
      const drivers = await converse([desk], () => void process.kill(before, "SIGKILL"));
      await expectNothingLostOrDoubled(drivers);
      expect(desk.nats()).not.toBe(before);
      expect(desk.runtime()).toBe(runtime);
    },
    START_MS,
  );

  it(
    "neither when all of it is killed, and started again on its directory",
    async () => {
      const drivers = await converse([desk], async () => {
        for (const pid of family(desk.watchdog.pid!)) process.kill(pid, "SIGKILL");
        await desk.ended;
        desk = await up(dataDir, port);
      });
      await expectNothingLostOrDoubled(drivers);
    },
    START_MS,
  );

  it("had nothing to learn: set-up has trained on what is shipped", () => {
    expect(existsSync(join(dataDir, "cache"))).toBe(false);
  });

  it(
    "refuses a second node on its directory in one sentence",
    async () => {
      const { code, lines } = await failing(["--port", "0", "--data-dir", dataDir]);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/in use by another node \(process \d+, http.*--data-dir/);
      expect(code).toBe(2);
    },
    START_MS,
  );

  it.each([
    ["the process group, as a terminal does", (pid: number) => process.kill(-pid, "SIGINT")],
    ["the parent alone", (pid: number) => process.kill(pid, "SIGINT")],
  ])(
    "leaves no process behind after SIGINT to %s",
    async (_whom, interrupt) => {
      if (desk.watchdog.exitCode !== null) desk = await up(dataDir, port);
      const all = family(desk.watchdog.pid!);
      const commands = commandsOf(all).join("\n");
      expect(commands).toContain("nats-server");
      expect(commands).toContain("encoder");
      interrupt(desk.watchdog.pid!);
      expect(await desk.ended).toBe(0);
      await expect.poll(() => commandsOf(all), { timeout: 10_000 }).toEqual([]);
      expect(existsSync(join(dataDir, "node.json"))).toBe(false);
    },
    START_MS,
  );
});

describe("a desk that is interrupted while it starts", () => {
  it(
    "ends without what it has not begun, and leaves no process behind",
    async () => {
      const child = spawn(
        process.execPath,
        [BIN, "up", "--port", "0", "--data-dir", join(base, "interrupted")],
        { detached: true, stdio: "ignore" },
      );
      running.push(child);
      const ended = once(child, "exit");
      let all: number[] = [];
      await expect
        .poll(
          () => {
            all = family(child.pid!);
            return commandsOf(all).join("\n");
          },
          { timeout: START_MS, interval: 20 },
        )
        .toContain("nats-server");
      process.kill(-child.pid!, "SIGINT");
      expect((await ended)[0]).toBe(130);
      await expect.poll(() => commandsOf(all), { timeout: 10_000 }).toEqual([]);
      expect(existsSync(join(base, "interrupted", "node.json"))).toBe(false);
    },
    START_MS,
  );
});

describe("what keeps a desk from starting is one sentence with what mends it", () => {
  let taken: Server | undefined;
  afterEach(() => void taken?.close());

  it(
    "a busy port",
    async () => {
      const { port, server } = await takenPort();
      taken = server;
      const { code, lines } = await failing(["--port", String(port), "--data-dir", join(base, "busy")]);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(new RegExp(`port ${port} .*--port`));
      expect(code).toBe(2);
    },
    START_MS,
  );

  it(
    "a directory that its user can't write",
    async () => {
      const closed = join(base, "closed");
      mkdirSync(closed, { mode: 0o555 });
      chmodSync(base, 0o755);
      const { code, lines } = await failing(
        ["--data-dir", join(closed, "desk")],
        isRoot ? ORDINARY : undefined,
      );
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/cannot be written by this user: .*--data-dir/);
      expect(code).toBe(2);
    },
    START_MS,
  );
});
