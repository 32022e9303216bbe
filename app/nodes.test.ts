/** Several desks on one server: any of them serves any conversation, and one that goes is made up for by the others. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../runtime/bus/testing.ts";
import { ConversationDriver } from "../scenarios/driver.ts";
import { START_MS } from "./testing.ts";
import { converse, expectNothingLostOrDoubled, freePort, killAll, type Up, up } from "./testing-processes.ts";

const TTL_MS = 1_500;
const base = mkdtempSync(join(tmpdir(), "bw-desks-"));
let server: TestServer;
let a: Up;
let b: Up;

async function node(name: string): Promise<Up> {
  const dataDir = join(base, name);
  const config = join(base, `${name}.yaml`);
  const { url, user, pass } = server;
  writeFileSync(
    config,
    JSON.stringify({ nats: { url, user, password: pass }, cluster: { node: name, ttlMs: TTL_MS } }),
  );
  return up(dataDir, await freePort(), ["--config", config]);
}

beforeAll(async () => {
  server = await startTestServer();
  a = await node("a");
  // All nodes of a workspace have its key.
  mkdirSync(join(base, "b"), { mode: 0o700 });
  copyFileSync(join(base, "a", "workspace.key"), join(base, "b", "workspace.key"));
  b = await node("b");
}, START_MS);
afterAll(async () => {
  killAll();
  await server?.stop();
  rmSync(base, { recursive: true, force: true, maxRetries: 5 });
});

const status = async (desk: Up): Promise<any> => {
  const headers = { authorization: `Bearer ${desk.access.adminToken}` };
  return (await fetch(`${desk.url}/v1/admin/status`, { headers })).json();
};
const owned = async (desk: Up): Promise<number> => (await status(desk)).node.cluster.partitions.owned;

describe("two desks on one server", () => {
  it("share the conversations, and each knows of the other", async () => {
    await expect
      .poll(() => Promise.all([owned(a), owned(b)]), { timeout: 20_000 })
      .toSatisfy(([x, y]: number[]) => x! > 0 && y! > 0 && x! + y! === 32);
    expect((await status(a)).nodes.map((n: { name: string }) => n.name)).toEqual(["a", "b"]);
  }, 30_000);

  it("a conversation goes on at the other one, with nothing lost or shown twice", async () => {
    const driver = new ConversationDriver(a.access, { replyMs: 20_000 });
    await driver.open({});
    for (const [i, question] of [
      "Do you ship abroad?",
      "How do I use a gift card?",
      "Thanks, bye",
    ].entries()) {
      driver.moveTo(i % 2 === 0 ? b.access : a.access);
      const message = await driver.send(question);
      expect(await driver.answered(message)).toBe(true);
    }
    expect((await driver.view()).transcript.filter((line) => line.role === "customer")).toHaveLength(3);
    expect(driver.repeated).toBe(0);
    await driver.close();
  }, 60_000);

  it(
    "lose nothing and say nothing twice when one is killed",
    async () => {
      const before = b.runtime();
      const drivers = await converse([a, b], () => void process.kill(before, "SIGKILL"));
      await expectNothingLostOrDoubled(drivers);
      expect(b.runtime()).not.toBe(before);
    },
    START_MS,
  );

  it(
    "nor when one stands still past its lease, and comes back",
    async () => {
      const paused = a.runtime();
      const drivers = await converse([a, b], async () => {
        process.kill(paused, "SIGSTOP");
        await new Promise((resolve) => setTimeout(resolve, 2 * TTL_MS));
        process.kill(paused, "SIGCONT");
      });
      await expectNothingLostOrDoubled(drivers);
      expect(a.runtime()).toBe(paused);
    },
    START_MS,
  );

  it(
    "nor when one is stopped in order: the other has all of them in a moment",
    async () => {
      const drivers = await converse([b], async () => {
        a.watchdog.kill("SIGTERM");
        expect(await a.ended).toBe(0);
        await expect.poll(() => owned(b)).toBe(32);
      });
      await expectNothingLostOrDoubled(drivers);
    },
    START_MS,
  );
});
