/** A release over recorded conversations, with nobody hearing it. */
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { asset } from "../../runtime/config/paths.ts";
import { START_MS, say, TestedDesk } from "../testing.ts";
import { run } from "../testing-cli.ts";
import { shopHours } from "../testing-playbook.ts";

const RECORDINGS = asset("scenarios", "shop", "recordings");
const FILES = ["cancel-order.confirmed", "order-status.by-item", "knowledge.return-window"].map((name) =>
  join(RECORDINGS, `${name}.scenario.jsonl`),
);

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "shadow-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it("says nothing of a release that does the same", async () => {
  const { code, out } = await run("shadow", ...FILES, "--json");
  const { conversations, changed, measures } = JSON.parse(out);
  expect({ code, conversations, changed }).toEqual({ code: 0, conversations: 3, changed: [] });
  for (const { measure, difference, low } of measures) {
    if (measure !== "askedMs")
      expect({ measure, difference, low }).toEqual({ measure, difference: 0, low: null });
  }
}, 120_000);

it("names what another release does otherwise, and what comes of it", async () => {
  const playbooks = join(dir, "playbooks");
  await cp(asset("actors", "playbooks", "shop"), playbooks, {
    recursive: true,
    filter: (file) => !file.endsWith(".ts"),
  });
  const text = await readFile(join(playbooks, "cancel-order.yaml"), "utf8");
  const second = text
    .replace(/^version: 1$/m, "version: 2")
    .replaceAll("goes back to the payment method", "is paid back to the method");
  await writeFile(join(playbooks, "cancel-order-2.yaml"), second);
  const config = join(dir, "bailiwick.yaml");
  await writeFile(config, `playbooks: { shipped: false, dirs: [${JSON.stringify(playbooks)}] }\n`);
  const came = join(dir, "came");
  const { code, out } = await run("--config", config, "shadow", ...FILES, "--out", came, "--json");
  const { changed, release } = JSON.parse(out);
  expect(code).toBe(0);
  expect(changed).toHaveLength(1);
  expect(changed[0]).toMatchObject({
    id: "cancel-order.confirmed",
    expected: expect.stringContaining("goes back to the payment method"),
    got: expect.stringContaining("is paid back to the method"),
  });
  const present = JSON.parse((await run("shadow", FILES[1]!, "--json")).out);
  expect(release).not.toBe(present.release);
  const fork = join(came, "cancel-order.confirmed.fork.scenario.jsonl");
  expect(await readFile(fork, "utf8")).toContain("is paid back to the method");
}, 180_000);

it(
  "plays the conversations of the running desk as they end, and says so far what it came to",
  async () => {
    const folder = async (name: string, ...versions: number[]): Promise<string> => {
      await mkdir(join(dir, name));
      for (const version of versions)
        await writeFile(join(dir, name, `hours-${version}.yaml`), shopHours(version));
      return join(dir, name);
    };
    const desk = await TestedDesk.start({ playbooks: { dirs: [await folder("now", 1)] } });
    try {
      const config = join(dir, "bailiwick.yaml");
      await writeFile(config, `playbooks: { dirs: [${JSON.stringify(await folder("next", 1, 2))}] }\n`);
      const on = ["--config", config, "--data-dir", desk.dataDir];
      let over = false;
      const shadowing = run(...on, "shadow", "--live", "--for", "8s", "--json").finally(() => {
        over = true;
      });
      const said: string[] = [];
      while (!over) {
        const driver = await desk.conversation();
        said.push(await say(driver, "when are you open?"));
        await say(driver, "thanks, bye");
        await sleep(500);
      }
      const { code, out } = await shadowing;
      const { conversations, changed, failed, measures } = JSON.parse(out);
      expect({ code, failed }).toEqual({ code: 0, failed: [] });
      expect(conversations).toBeGreaterThan(0);
      expect(changed).toHaveLength(conversations);
      for (const { expected, got, file } of changed) {
        expect(expected).toContain("By version 1");
        expect(got).toContain("By version 2");
        expect(file).toBeUndefined();
      }
      expect(measures.find((each: any) => each.measure === "resolved")).toMatchObject({ difference: 0 });
      // Nobody heard it.
      for (const text of said) expect(text).toContain("By version 1");
    } finally {
      await desk.remove();
    }
  },
  2 * START_MS,
);

it("refuses flags that say nothing together, and a desk that is not there", async () => {
  for (const [args, code, what] of [
    [["--for", "10m"], 2, /--for .*add --live/],
    [["--live", FILES[0]!], 2, /leave the paths out/],
    [["--live", "--for", "soon"], 2, /--for soon: a duration/],
    [["--live", "--data-dir", dir], 3, /no desk is running/],
  ] as const)
    expect(await run("shadow", ...args)).toMatchObject({ code, err: expect.stringMatching(what) });
});

it("refuses a level that is none", async () => {
  expect(await run("shadow", FILES[0]!, "--level", "2")).toMatchObject({
    code: 2,
    err: expect.stringMatching(/--level 2: a share between 0 and 1/),
  });
});

it("never asks the company's own systems", async () => {
  const asked: string[] = [];
  const system = createServer((request, response) => {
    asked.push(request.url!);
    response.writeHead(500).end();
  });
  await once(system.listen(0, "127.0.0.1"), "listening");
  const { port } = system.address() as AddressInfo;
  const config = join(dir, "bailiwick.yaml");
  const url = `http://127.0.0.1:${port}`;
  await writeFile(
    config,
    `backoffice: { systems: { orders: { url: "${url}" }, crm: { url: "${url}" }, billing: { url: "${url}" } } }\n`,
  );
  // Its customer asks for something else from the second message on: skills are asked what nobody asked then.
  const lines = (await readFile(FILES[0]!, "utf8")).trimEnd().split("\n");
  const other = lines.map((line) => line.replaceAll("yes please", "no, where is order W9001201?"));
  await writeFile(join(dir, "other.scenario.jsonl"), `${other.join("\n")}\n`);
  try {
    const { out } = await run("--config", config, "shadow", join(dir, "other.scenario.jsonl"), "--json");
    const { scratch, changed } = JSON.parse(out);
    expect(scratch).toBeGreaterThan(0);
    expect(changed).toHaveLength(1);
    expect(asked).toEqual([]);
  } finally {
    system.close();
  }
}, 120_000);
