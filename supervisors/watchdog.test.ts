import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { processIdentity } from "../runtime/bus/index.ts";
import { type CompiledProgram, compileForNode } from "../runtime/bus/testing-node.ts";

let program: CompiledProgram;
beforeAll(async () => {
  program = await compileForNode("supervisors/watchdog.fixture.ts");
});
afterAll(() => program?.remove());

interface Run {
  readonly parent: ChildProcess;
  readonly events: { type: string; pid: number; [key: string]: unknown }[];
  readonly code: Promise<number | null>;
  seen(type: string, times?: number): Promise<{ pid: number }>;
}

const runs: Run[] = [];
afterEach(() => {
  for (const run of runs.splice(0)) {
    run.parent.kill("SIGKILL");
    for (const { pid } of run.events) if (pid && alive(pid)) process.kill(pid, "SIGKILL");
  }
});

function run(mode: string): Run {
  const parent = spawn(process.execPath, [program.file, "parent", mode], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const events: Run["events"] = [];
  createInterface({ input: parent.stdout! }).on("line", (line) => events.push(JSON.parse(line)));
  const result: Run = {
    parent,
    events,
    code: once(parent, "close").then(([code]) => code as number | null),
    seen: async (type, times = 1) => {
      const found = () => events.filter((e) => e.type === type);
      await expect.poll(() => found().length, { timeout: 15_000 }).toBeGreaterThanOrEqual(times);
      return found()[times - 1]!;
    },
  };
  runs.push(result);
  return result;
}

const alive = (pid: number) => processIdentity(pid) !== undefined;

describe("the watchdog", () => {
  it("kills a child whose event loop stands still, and starts another", async () => {
    const { parent, events, seen, code } = run("stall");
    const { pid } = await seen("ready");
    await seen("ready", 2);
    expect(events.map((e) => e.type)).toEqual([
      "started",
      "ready",
      "stalled",
      "exited",
      "restarting",
      "started",
      "ready",
    ]);
    expect(events[3]).toMatchObject({ pid, signal: "SIGKILL" });
    parent.kill("SIGTERM");
    expect(await code).toBe(7);
  });

  it("restarts a child that crashed or was killed", async () => {
    const { parent, seen, code } = run("crash");
    const { pid } = await seen("ready", 2);
    process.kill(pid, "SIGKILL");
    await seen("ready", 3);
    parent.kill("SIGINT");
    expect(await code).toBe(7);
  });

  it("gives up on one that keeps crashing", async () => {
    const { events, code } = run("always");
    expect(await code).toBe(1);
    expect(events.filter((e) => e.type === "started")).toHaveLength(3);
    expect(events.at(-1)).toEqual({ type: "gave-up", restarts: 2 });
  });

  it.each([
    ["bad-start", 1],
    ["usage", 2],
  ])("takes the end of %s for final and exits with its code", async (mode, want) => {
    const { events, code } = run(mode);
    expect(await code).toBe(want);
    expect(events.filter((e) => e.type === "started")).toHaveLength(1);
  });

  it("hands a stop on to the child, waits for its drain and exits with its code", async () => {
    const { parent, events, seen, code } = run("calm");
    const { pid } = await seen("ready");
    parent.kill("SIGTERM");
    parent.kill("SIGTERM");
    expect(await code).toBe(7);
    expect(events.map((e) => e.type)).toContain("drained");
    expect(alive(pid)).toBe(false);
  });

  it("takes a Ctrl-C that comes twice at once, from the terminal and from npm, for one", async () => {
    const { parent, events, seen, code } = run("slow");
    await seen("ready");
    parent.kill("SIGINT");
    await seen("draining");
    parent.kill("SIGINT");
    expect(await code).toBe(7);
    expect(events.map((e) => e.type)).toContain("drained");
  });

  it("kills a child that does not drain by its deadline", async () => {
    const { parent, seen, code } = run("stubborn");
    const { pid } = await seen("ready");
    parent.kill("SIGTERM");
    expect(await code).toBe(137);
    expect(alive(pid)).toBe(false);
  });

  it("leaves no child behind when it is killed itself", async () => {
    const { parent, seen } = run("calm");
    const { pid } = await seen("ready");
    parent.kill("SIGKILL");
    await expect.poll(() => alive(pid), { timeout: 10_000 }).toBe(false);
  });
});
