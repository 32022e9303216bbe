/** Recordings of which a part is really asked again. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type OllamaDouble, ollamaDouble, type SeenChat } from "../../actors/model/testing/ollama-double.ts";
import { asset } from "../../runtime/config/paths.ts";
import { recordingOf } from "../../scenarios/recording/make.ts";
import { START_MS, say, TestedDesk } from "../testing.ts";
import { run } from "../testing-cli.ts";
import { writeRecording } from "./recordings.ts";

const RECORDINGS = asset("scenarios", "shop", "recordings");
const recorded = (name: string): string => join(RECORDINGS, `${name}.scenario.jsonl`);

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "replay-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("replay --mode live-skills", () => {
  it("asks the skills again, all else comes from the recordings, and the same comes of it", async () => {
    const files = ["cancel-order.confirmed", "return-refund.approved", "topics.two-at-once"].map(recorded);
    const { code, out } = await run("replay", ...files, "--mode", "live-skills", "--json");
    const { scenarios, passed, answered } = JSON.parse(out);
    expect({ code, passed, apart: scenarios.flatMap((s: any) => s.firstDivergence ?? []) }).toEqual({
      code: 0,
      passed: 3,
      apart: [],
    });
    expect(answered.live).toBeGreaterThan(10);
    expect(answered.recorded).toBeGreaterThan(10);
    for (const { skillCalls, stateHash } of scenarios) {
      expect(skillCalls).toBeGreaterThan(3);
      expect(stateHash).toMatch(/^[0-9a-f]{64}$/);
    }
  }, 120_000);

  it("names where it goes apart: the system that was down is there, and is asked with something else", async () => {
    const [down, out] = [recorded("order-status.system-down"), join(dir, "came")];
    const replayed = await run("replay", down, "--mode", "live-skills", "--out", out);
    expect(replayed.code).toBe(1);
    expect(replayed.out).toMatch(/order-status\.system-down at record \d+: says “/);
    expect(replayed.out).toMatch(/0 passed, 1 failed/);
    const compared = await run("diff", down, join(out, "order-status.system-down.fork.scenario.jsonl"));
    expect(compared).toMatchObject({ code: 1, out: expect.stringMatching(/goes apart at step \d+/) });
  }, 120_000);
});

describe("replay --mode live-models", () => {
  let server: OllamaDouble;
  let desk: TestedDesk;
  beforeAll(async () => {
    server = await ollamaDouble();
    desk = await TestedDesk.start({
      model: { provider: "ollama", url: server.url, model: "llama3.2" },
      agentic: { enabled: true, skills: ["orders.get"] },
    });
  }, START_MS);
  afterAll(async () => {
    await desk?.remove();
    await server?.close();
  });

  it("asks the model again, and its tools answer as they did", async () => {
    const ended = (words: string) => (chat: SeenChat) => {
      const [order] = /<ORDER_\d+>/.exec(JSON.stringify(chat.messages))!;
      return chat.messages.at(-1)!.role === "tool"
        ? `Order ${order} ${words}.`
        : { toolCalls: [{ name: "orders__get", arguments: { orderId: order } }] };
    };
    server.say = ended("is pending");
    const { customer, order } = await desk.customerWith(({ status }) => status === "pending");
    const driver = await desk.conversation(customer.id);
    expect(await say(driver, `Is ${order.id} on its way?`)).toBe(`Order ${order.id} is pending.`);
    const records = await desk.desk.node.recordsOfKey(driver.id);
    const file = await writeRecording(dir, recordingOf("led", records, desk.desk.recorded));
    const config = join(dir, "bailiwick.yaml");
    await writeFile(config, `model: { provider: ollama, url: ${server.url}, model: llama3.2 }\n`);
    const again = () => run("--config", config, "replay", file, "--mode", "live-models", "--json");

    server.chats.length = 0;
    const same = await again();
    expect(JSON.parse(same.out)).toMatchObject({ passed: 1, answered: { live: 2 } });
    expect(server.chats).toHaveLength(2);
    // The order that the recording has: no back office of the replay's knows it.
    server.say = ended("is still pending");
    const { scenarios, failed } = JSON.parse((await again()).out);
    expect(failed).toBe(1);
    expect(scenarios[0].firstDivergence).toMatch(
      /asks language\.ground .* is pending\..* became asks .* is still pending/,
    );
  }, 120_000);

  it("needs a model", async () => {
    expect(await run("replay", recorded("cancel-order.confirmed"), "--mode", "live-models")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/needs a model: set model\.provider/),
    });
  });
});
