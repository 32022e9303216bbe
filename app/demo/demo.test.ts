import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run as runCli } from "../testing-cli.ts";
import { chains } from "./afresh.ts";
import { table } from "./text.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "demo-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** On a data directory that is gone afterwards. */
const run = (...args: string[]) => runCli("--data-dir", join(dir, "data"), ...args);

const address = { line1: "12 Mill Road", city: "Larkfield", state: "CA", postcode: "95611", country: "USA" };
const CUSTOMER = {
  id: "c1",
  firstName: "Ada",
  lastName: "Quill",
  email: "ada.quill@example.com",
  address,
  paymentMethods: [{ id: "pm1", kind: "card", label: "Visa ending 4242" }],
};
const ORDER = {
  id: "W1000001",
  customerId: "c1",
  status: "pending",
  items: [{ itemId: "i1", productId: "p1", name: "Copper Kettle", price: 49.9, options: { color: "red" } }],
  total: 49.9,
  currency: "USD",
  address,
  tracking: [],
  payments: [{ kind: "payment", amount: 49.9, methodId: "pm1" }],
};

async function imported(): Promise<void> {
  const file = async (name: string, records: object[]) => {
    await writeFile(join(dir, name), JSON.stringify(records));
    return join(dir, name);
  };
  const files = [await file("customers.json", [CUSTOMER]), await file("orders.json", [ORDER])];
  expect((await run("import", ...files, "--into", "kettles")).code).toBe(0);
}

async function recorded(...turns: string[]): Promise<string> {
  const file = join(dir, "runs.jsonl");
  const messages = turns.map((content) => ({ role: "user", content }));
  await writeFile(file, `${JSON.stringify({ domain: "kettles", task_id: 1, messages })}\n`);
  return file;
}

describe("demo --input", () => {
  it("sends recorded customers to a desk of their company, and judges what it says", async () => {
    await imported();
    const file = await recorded(
      "Hi, where is my order W1000001? I'm Ada Quill, ada.quill@example.com, postcode 95611.",
      "Thank you! ###STOP###",
    );
    const { code, out } = await run("demo", "--input", file, "--json", "--warm-up", "0");
    expect(JSON.parse(out)).toMatchObject({
      conversations: 1,
      turns: 2,
      dropped: 0,
      crashed: 0,
      verified: 1,
      facts: { wrong: 0, foreign: 0 },
      latencyMs: { turn: { count: 2 } },
    });
    expect(code).toBe(0);
  }, 120_000);

  it("says which company has to be imported", async () => {
    const { code, err } = await run("demo", "--input", await recorded("hello"));
    expect(code).toBe(3);
    expect(err).toMatch(/no such company was imported .* --into kettles/);
  });

  it("refuses what it cannot read, and flags that do not go together", async () => {
    const other = join(dir, "other.jsonl");
    await writeFile(other, '{"question": "?"}\n');
    expect(await run("demo", "--input", other)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/other\.jsonl:1: /),
    });
    expect((await run("demo", "--break", "bones")).err).toMatch(/there is --break facts/);
    expect((await run("demo", "--break", "facts")).err).toMatch(/needs --input/);
  });
});

describe("demo --attach", () => {
  it("needs the running desk's data directory", async () => {
    const { code, err } = await run("demo", "--attach", "http://127.0.0.1:1");
    expect(code).toBe(3);
    expect(err).toMatch(/no admin token .* --data-dir/);
  });
});

describe("replay", () => {
  it("plays scenario files and answers what contracts promise", async () => {
    const file = join(dir, "greeting.scenario.yaml");
    await writeFile(file, "name: greeting\nsteps:\n  - customer: Hello\n    expect: { reply: Hello }\n");
    const { code, out } = await run("replay", file, "--json");
    const { scenarios, ...rest } = JSON.parse(out);
    expect(rest).toMatchObject({ passed: 1, failed: 0 });
    expect(scenarios[0]).toMatchObject({ id: "greeting", status: "passed", messages: 2, lostMessages: 0 });
    expect(scenarios[0].transcriptHash).toMatch(/^[0-9a-f]{64}$/);
    expect(code).toBe(0);
  }, 120_000);
});

describe("helpers", () => {
  it("chain what has a customer in common", () => {
    const of = (run: string) => run.split("");
    expect(chains(["ab", "c", "bd", "e", "dc"], of).map((c) => c.toSorted())).toEqual([
      ["ab", "bd", "c", "dc"],
      ["e"],
    ]);
  });
  it("set tables", () => {
    expect(
      table(
        [
          ["a", "10"],
          ["bcd", "9"],
        ],
        [1],
      ),
    ).toBe("  a    10\n  bcd   9");
  });
});
