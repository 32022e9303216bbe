/** Experiments on a running desk: some customers have another version of a playbook, and the same one each time. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { ollamaDouble } from "../actors/model/testing/ollama-double.ts";
import { armOf } from "../scenarios/experiments/assignment.ts";
import { START_MS, say, TestedDesk } from "./testing.ts";
import { run } from "./testing-cli.ts";
import { shopHours } from "./testing-playbook.ts";

const ARMS = { first: 0.4, second: 0.4 };
const experiments = {
  hours: {
    arms: {
      first: { share: ARMS.first, playbooks: { "shop-hours": 1 } },
      second: { share: ARMS.second, playbooks: { "shop-hours": 2 } },
    },
  },
};
/** The first of the customers who is in an arm. */
const oneIn = (
  name: string,
  arms: Readonly<Record<string, number>>,
  arm: string,
  customers: readonly string[],
): string => customers.find((id) => armOf({ name, arms }, `customer ${id}`) === arm)!;

let desk: TestedDesk | undefined;
const dir = mkdtempSync(join(tmpdir(), "bw-experiments-"));
writeFileSync(join(dir, "hours.yaml"), shopHours(1));
writeFileSync(join(dir, "hours-2.yaml"), shopHours(2));
writeFileSync(join(dir, "hours-3.yaml"), shopHours(3));
afterEach(async () => {
  await desk?.remove();
  desk = undefined;
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("experiments on the running desk", () => {
  it(
    "give each customer the version of his arm, also after a restart, and who is in none the newest",
    async () => {
      desk = await TestedDesk.start({ playbooks: { dirs: [dir] }, experiments });
      const customers = (await desk.desk.backOffice.list("customers")).map(({ id }) => id);
      const one = (arm: string): string => oneIn("hours", ARMS, arm, customers);
      const versions = { first: 1, second: 2, "held-out": 3 };
      const seen: Record<string, string> = {};
      for (const round of [1, 2]) {
        for (const [arm, version] of Object.entries(versions)) {
          const driver = await desk.conversation(one(arm));
          expect(await say(driver, "when are you open?")).toContain(`By version ${version}`);
          if (round === 1) seen[arm] = driver.id;
        }
        if (round === 1) await desk.restart();
      }

      const listed = async (arm: string) => {
        const { body } = await desk!.call("GET", `/v1/admin/recordings?arm=hours=${arm}`);
        return body.conversations as { id: string; arms: string[] }[];
      };
      for (const arm of Object.keys(versions)) {
        const found = await listed(arm);
        expect(found).toHaveLength(2);
        expect(found.map(({ id }) => id)).toContain(seen[arm]);
        for (const { arms } of found) expect(arms).toEqual([`hours=${arm}`]);
      }
      expect((await desk.call("GET", "/v1/admin/recordings?arm=hours")).status).toBe(400);
    },
    2 * START_MS,
  );

  it(
    "give each customer the model of his arm, which a fork can exchange",
    async () => {
      const server = await ollamaDouble();
      server.say = () => "NO_ANSWER";
      server.models.push("tiny:latest", "huge", "other");
      const asked = (): string[] => [...new Set(server.chats.splice(0).map(({ model }) => model))];
      const model = { provider: "ollama", url: server.url, model: "llama3.2", digest: false } as const;
      const models = { arms: { small: { share: 0.5, model: "tiny" }, large: { share: 0.5, model: "huge" } } };
      const shares = { small: 0.5, large: 0.5 };
      const files = mkdtempSync(join(tmpdir(), "bw-models-"));
      try {
        desk = await TestedDesk.start({ model, experiments: { models } });
        const customers = (await desk.desk.backOffice.list("customers")).map(({ id }) => id);
        const talks = new Map<string, string>();
        for (const [arm, { model: wanted }] of Object.entries(models.arms)) {
          const id = oneIn("models", shares, arm, customers);
          const driver = await desk.conversation(id);
          await say(driver, "Which airline do you fly with?");
          expect(asked()).toEqual([wanted]);
          talks.set(arm, driver.id);
        }
        const { body } = await desk.call("GET", `/v1/admin/conversations/${talks.get("small")}/recording`);
        const file = join(files, "small.scenario.jsonl");
        writeFileSync(file, body.lines.join("\n"));
        const config = join(files, "bailiwick.yaml");
        writeFileSync(config, JSON.stringify({ model, experiments: { models } }));
        for (const flags of [
          ["--model", "other"],
          ["--arm", "models=large"],
        ]) {
          const { code, err } = await run("--config", config, "fork", file, ...flags, "--json");
          expect({ code, err }).toEqual({ code: 0, err: "" });
        }
        expect(asked()).toEqual(["other", "huge"]);
        expect(await run("fork", file, "--model", "other")).toMatchObject({
          code: 2,
          err: expect.stringMatching(/no model to ask .*set model\.provider/),
        });
      } finally {
        await server.close();
        rmSync(files, { recursive: true, force: true });
      }
    },
    2 * START_MS,
  );

  it(
    "give each customer the rules of escalation of his arm, which a fork can exchange",
    async () => {
      const topic = (name: string) => ({
        topics: [{ name, phrases: ["airline"], priority: "urgent", sentence: `To the people for ${name}.` }],
      });
      const press = { share: 0.5, escalation: topic("press") } as const;
      const rules = { arms: { press, same: { share: 0.5 } } } as const;
      const files = mkdtempSync(join(tmpdir(), "bw-rules-"));
      try {
        desk = await TestedDesk.start({ escalation: topic("travel"), experiments: { rules } } as never);
        const customers = (await desk.desk.backOffice.list("customers")).map(({ id }) => id);
        const talks: Record<string, string> = {};
        for (const [arm, wanted] of [
          ["press", "press"],
          ["same", "travel"],
        ] as const) {
          const id = oneIn("rules", { press: 0.5, same: 0.5 }, arm, customers);
          const driver = await desk.conversation(id);
          expect(await say(driver, "Which airline do you fly with?")).toContain(`the people for ${wanted}`);
          talks[arm] = driver.id;
        }
        const { body } = await desk.call("GET", `/v1/admin/conversations/${talks.same}/recording`);
        const file = join(files, "same.scenario.jsonl");
        writeFileSync(file, body.lines.join("\n"));
        const config = join(files, "bailiwick.yaml");
        writeFileSync(config, JSON.stringify({ experiments: { rules } }));
        const candidate = join(files, "candidate.yaml");
        writeFileSync(candidate, JSON.stringify({ escalation: topic("strangers") }));
        for (const [flag, value, wanted] of [
          ["--arm", "rules=press", "press"],
          ["--policy", candidate, "strangers"],
        ] as const) {
          const { code, out, err } = await run("--config", config, "fork", file, flag, value);
          expect({ code, err }).toEqual({ code: 0, err: "" });
          expect(out).toContain(`the people for ${wanted}`);
        }
      } finally {
        rmSync(files, { recursive: true, force: true });
      }
    },
    2 * START_MS,
  );

  it(
    "are refused where they can't be run, with what to mend",
    async () => {
      const arms = (share: number, version: number) => ({
        arms: { a: { share, playbooks: { "shop-hours": version } } },
      });
      const start = (wrong: object) =>
        TestedDesk.start({ playbooks: { dirs: [dir] }, experiments: wrong } as never).then((d) => d.remove());
      await expect(start({ x: arms(0.5, 9) })).rejects.toThrow(
        /experiments\.x\.arms\.a\.playbooks\.shop-hours: there is no version 9/,
      );
      await expect(start({ x: arms(0.5, 1), y: arms(0.5, 2) })).rejects.toThrow(
        /experiment x is about it already/,
      );
      const named = { arms: { "held-out": arms(0.5, 1).arms.a } };
      await expect(start({ x: named })).rejects.toThrow(/that is the name of who is in no arm/);
      const twice = { arms: { ...arms(0.6, 1).arms, b: { share: 0.6, playbooks: { "shop-hours": 2 } } } };
      await expect(start({ x: twice })).rejects.toThrow(/experiments\.x\.arms: their shares are more than 1/);
      const model = { arms: { a: { share: 0.5, model: "tiny" } } };
      await expect(start({ x: model, y: model })).rejects.toThrow(
        /experiments\.x\.arms\.a\.model: there is no model to ask.*experiments\.y\.arms\.a\.model: experiment x is about it/s,
      );
      const patient = { arms: { a: { share: 0.5, escalation: { angryMessages: 4 } } } };
      await expect(start({ x: patient, y: patient })).rejects.toThrow(
        /experiments\.y\.arms\.a\.escalation\.angryMessages: experiment x is about it/,
      );
    },
    START_MS,
  );
});
