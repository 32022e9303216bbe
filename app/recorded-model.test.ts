/** A desk whose model says what one said in a recording: the same conversation again, with nobody to ask. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { ollamaDouble } from "../actors/model/testing/ollama-double.ts";
import { START_MS, say, TestedDesk } from "./testing.ts";
import { run } from "./testing-cli.ts";

const agentic = { enabled: true, skills: ["orders.get"] };
const desks: TestedDesk[] = [];
afterEach(async () => {
  for (const desk of desks.splice(0)) await desk.remove();
});

async function start(...config: Parameters<typeof TestedDesk.start>): Promise<TestedDesk> {
  const desk = await TestedDesk.start(...config);
  desks.push(desk);
  return desk;
}

it(
  "says the same to the same, and lets the playbooks answer what was not said then",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "recorded-model-"));
    const server = await ollamaDouble();
    server.say = ({ messages }) => {
      const { role, content } = messages.at(-1)!;
      const token = /<ORDER_\d+>/.exec(JSON.stringify(messages))?.[0];
      if (role === "tool") return `Order ${token} is pending.`;
      if (content.startsWith("Thank")) return "You are welcome.";
      return { toolCalls: [{ name: "orders__get", arguments: { orderId: token } }] };
    };
    try {
      const model = { provider: "ollama", url: server.url, model: "llama3.2", digest: false } as const;
      const then = await start({ model, agentic });
      const { customer, order } = await then.customerWith(({ status }) => status === "pending");
      const words = [`Where is ${order.id}?`, "Thank you"];
      const talk = async (desk: TestedDesk): Promise<string[]> => {
        const driver = await desk.conversation(customer.id);
        const said: string[] = [];
        for (const word of words) said.push(await say(driver, word));
        ids.push(driver.id);
        return said;
      };
      const ids: string[] = [];
      const said = await talk(then);
      expect(said[0]).toContain(`Order ${order.id} is pending.`);
      const { body } = await then.call("GET", `/v1/admin/conversations/${ids[0]}/recording?raw=true`);
      const file = join(dir, "then.scenario.jsonl");
      writeFileSync(file, body.lines.join("\n"));
      await server.close();

      const recorded = { provider: "recorded" as const, recordings: [file], digest: false };
      const now = await start({ model: recorded, agentic });
      expect(await talk(now)).toEqual(said);
      expect(await say(await now.conversation(customer.id), `Is ${order.id} on its way?`)).toContain(
        order.id,
      );
      const { body: status } = await now.call("GET", "/v1/admin/status");
      expect(status.services.model).toMatchObject({ provider: "recorded", answers: 3, missing: 1 });

      const config = join(dir, "bailiwick.yaml");
      writeFileSync(config, JSON.stringify({ model: recorded, dataDir: join(dir, "data") }));
      expect((await run("--config", config, "doctor")).out).toMatch(/3 calls of models in recordings/);
      writeFileSync(config, JSON.stringify({ model: { provider: "recorded" } }));
      expect(await run("--config", config, "status")).toMatchObject({
        code: 2,
        err: expect.stringMatching(/model\.provider: "recorded" needs model\.recordings/),
      });
    } finally {
      await server.close().catch(() => {});
      rmSync(dir, { recursive: true, force: true });
    }
  },
  2 * START_MS,
);
