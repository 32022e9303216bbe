/**
 * The desk as its processes: killed in the middle of conversations, started twice, stopped. The drivers keep lists of
 * their own of what was accepted and what was answered.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { processIdentity } from "../runtime/bus/index.ts";
import { projectRoot } from "../runtime/config/paths.ts";
import { ConversationDriver } from "../scenarios/driver.ts";
import { START_MS } from "./testing.ts";

const BIN = join(projectRoot, "bin/bailiwick");
const QUESTIONS = [
  "How many days do I have to return something?",
  "Do you ship abroad?",
  "How do I reset my password?",
  "Which payment methods do you take?",
  "How do I use a gift card?",
];
const CONVERSATIONS = 10;
const base = mkdtempSync(join(tmpdir(), "bw-processes-"));
const isRoot = process.getuid?.() === 0;
/** The user `nobody`: root may write anywhere. */
const ORDINARY = { uid: 65_534, gid: 65_534 };

if (!existsSync(join(projectRoot, "dist/app/cli.js"))) {
  throw new Error("the desk's processes run from dist/: npm test builds it, npm run setup does so alone");
}

interface Up {
  readonly watchdog: ChildProcess;
  readonly url: string;
  readonly dataDir: string;
  /** Of the process that serves; another one after each restart. */
  runtime(): number;
  nats(): number;
  readonly ended: Promise<number | null>;
}

const running: ChildProcess[] = [];

/** `bin/bailiwick up` in a process group of its own, as in a terminal. Resolves once it serves. */
async function up(dataDir: string, port: number): Promise<Up> {
  const args = [BIN, "up", "--json", "--port", String(port), "--data-dir", dataDir];
  const watchdog = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  running.push(watchdog);
  const ended = once(watchdog, "exit").then(([code]) => code as number | null);
  const node = () => JSON.parse(readFileSync(join(dataDir, "node.json"), "utf8")) as { pid: number };
  const url = `http://127.0.0.1:${port}`;
  watchdog.stdout!.resume();
  while (!(await isServing(url))) {
    if (watchdog.exitCode !== null) throw new Error(`the desk ended with ${watchdog.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    watchdog,
    url,
    dataDir,
    ended,
    runtime: () => node().pid,
    nats: () => Number(readFileSync(join(dataDir, "nats", "nats-server.pid"), "utf8")),
  };
}

function isServing(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    (response) => response.ok,
    () => false,
  );
}

async function freePort(): Promise<{ port: number; server: Server }> {
  const server = createServer((_request, response) => response.end("somebody else"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

/** A process and all that it started, and what these started. */
function family(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended.
    }
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

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

/** Customers who ask one question after the other; `disturb` happens when a third of all is answered. */
async function converse(desk: Up, disturb: () => Promise<void> | void): Promise<ConversationDriver[]> {
  const adminToken = readFileSync(join(desk.dataDir, "admin.token"), "utf8").trim();
  const drivers = Array.from(
    { length: CONVERSATIONS },
    () => new ConversationDriver({ url: desk.url, adminToken }, { replyMs: 60_000, unreachableMs: 120_000 }),
  );
  let answered = 0;
  let disturbed: Promise<void> | undefined;
  await Promise.all(
    drivers.map(async (driver) => {
      await driver.open({});
      for (const question of QUESTIONS) {
        await driver.send(question);
        if (++answered >= (CONVERSATIONS * QUESTIONS.length) / 3) disturbed ??= Promise.resolve(disturb());
        await driver.settled();
      }
    }),
  );
  expect(disturbed).toBeDefined();
  await disturbed;
  return drivers;
}

/** Each accepted message is in the log once, and answered once. */
async function expectNothingLostOrDoubled(drivers: readonly ConversationDriver[]): Promise<void> {
  for (const driver of drivers) {
    const records = await driver.trace();
    await driver.close();
    expect(driver.sent.map((m) => m.text)).toEqual(QUESTIONS);
    const inLog = records.filter((r) => r.type === "customer.message").map((r) => r.id);
    expect(inLog).toEqual(driver.sent.map((m) => m.messageId));
    const answers = driver.replies.flatMap((reply) => reply.answers);
    expect(answers).toEqual(driver.sent.map((m) => m.messageId));
    expect(driver.repeated).toBe(0);
  }
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
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    for (const pid of family(child.pid!).reverse()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
  }
  rmSync(base, { recursive: true, force: true, maxRetries: 5 });
});

describe("a desk in the middle of ten conversations", () => {
  const dataDir = join(base, "killed");
  let desk: Up;
  let port: number;
  beforeAll(async () => {
    const free = await freePort();
    port = free.port;
    await new Promise((resolve) => free.server.close(resolve));
    desk = await up(dataDir, port);
  }, START_MS);

  it(
    "loses nothing and says nothing twice when its runtime is killed",
    async () => {
      const before = desk.runtime();
      const drivers = await converse(desk, () => void process.kill(before, "SIGKILL"));
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
      const drivers = await converse(desk, () => void process.kill(before, "SIGKILL"));
      await expectNothingLostOrDoubled(drivers);
      expect(desk.nats()).not.toBe(before);
      expect(desk.runtime()).toBe(runtime);
    },
    START_MS,
  );

  it(
    "neither when all of it is killed, and started again on its directory",
    async () => {
      const drivers = await converse(desk, async () => {
        for (const pid of family(desk.watchdog.pid!)) process.kill(pid, "SIGKILL");
        await desk.ended;
        desk = await up(dataDir, port);
      });
      await expectNothingLostOrDoubled(drivers);
    },
    START_MS,
  );

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
      const { port, server } = await freePort();
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
