/** A record that no process survives: the watchdog, the count of attempts on disk and the quarantine together. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Address, address, formatAddress } from "../runtime/address.ts";
import { subjectsOf } from "../runtime/bus/index.ts";
import { startTestServer, type TestServer } from "../runtime/bus/testing.ts";
import { type CompiledProgram, compileForNode } from "../runtime/bus/testing-node.ts";
import { newId } from "../runtime/ids.ts";
import { Appender } from "../runtime/log/appender.ts";
import { Bodies } from "../runtime/log/bodies.ts";
import { DeadLetters } from "../runtime/log/dead-letters.ts";
import { openKeyRing } from "../runtime/log/keyring.ts";

let program: CompiledProgram;
let server: TestServer;
let parent: ChildProcess;
const dir = mkdtempSync(join(tmpdir(), "bw-stall-"));
beforeAll(async () => {
  [program, server] = await Promise.all([compileForNode("supervisors/stall.fixture.ts"), startTestServer()]);
});
afterAll(async () => {
  parent?.kill("SIGKILL");
  await server?.stop();
  program?.remove();
  rmSync(dir, { recursive: true, force: true });
});

it("an endless loop in a machine costs its record and nothing else", async () => {
  const { url, user, pass } = server;
  parent = spawn(process.execPath, [program.file, "parent"], {
    env: { ...process.env, DESK_DIR: dir, DESK_URL: url, DESK_USER: user, DESK_PASS: pass },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const events: { type: string; pid: number }[] = [];
  createInterface({ input: parent.stdout! }).on("line", (line) => events.push(JSON.parse(line)));
  const ended = once(parent, "close");
  await expect.poll(() => events.some((e) => e.type === "ready"), { timeout: 30_000 }).toBe(true);

  const bus = await server.connect();
  const keys = await openKeyRing({ bus, workspace: "test", dataDir: dir });
  const names = subjectsOf("test");
  const appender = new Appender(bus, keys, {
    bodies: new Bodies(bus, names),
    subject: names.log,
    partitions: 32,
  });
  const send = (to: Address, type: string) =>
    appender.append({
      id: newId(),
      type,
      from: address("test", "test"),
      to,
      at: Date.now(),
      epoch: 0,
      clear: {},
      data: {},
    });
  const read = async (to: Address) => {
    const answer = await bus
      .request("test.read", Buffer.from(formatAddress(to)), { timeoutMs: 500 })
      .catch(() => undefined);
    return answer && JSON.parse(Buffer.from(answer.data).toString());
  };
  const bad = address("looping", "bad");
  const good = address("looping", "good");
  await send(bad, "add");
  await send(bad, "loop");
  await send(bad, "add");
  await send(good, "add");

  await expect.poll(() => read(bad), { timeout: 45_000 }).toEqual({ total: 2, quarantined: 1 });
  await expect.poll(() => read(good), { timeout: 5_000 }).toEqual({ total: 1, quarantined: 0 });
  // Once before anybody knew, and as often as the policy allows.
  expect(events.filter((e) => e.type === "stalled")).toHaveLength(3);
  const dead = { stream: names.deadStream, subject: names.dead, log: names.logStream };
  const [letter] = await new DeadLetters(bus, keys, dead).list();
  expect(letter).toMatchObject({
    type: "loop",
    attempts: 2,
    reason: "the process ended while this record was folded",
  });

  parent.kill("SIGTERM");
  expect((await ended)[0]).toBe(0);
}, 90_000);
