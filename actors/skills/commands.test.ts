import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CliEnv, Colors } from "../../runtime/config/cli.ts";
import { commands } from "./commands.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "skills-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function run(...args: string[]): Promise<{ value: any; text: string; failed: boolean }> {
  const said = { value: undefined as any, text: "", failed: false };
  const plain = (text: string) => text;
  const colors = new Proxy({}, { get: () => plain }) as Colors;
  const env = {
    colors,
    config: () => ({ backoffice: { dataset: "main" } }),
    dataDir: () => join(dir, "data"),
    progress: () => ({ update() {}, end() {} }),
    fail: () => {
      said.failed = true;
    },
    out(value: unknown, text: () => string) {
      said.value = value;
      said.text = text();
    },
  } as unknown as CliEnv;
  const program = new Command().exitOverride();
  commands(program, env);
  await program.parseAsync(args, { from: "user" });
  return said;
}

describe("skills", () => {
  it("are listed with what they take", async () => {
    const { value, text } = await run("skills", "list");
    expect(value.skills.find((s: { name: string }) => s.name === "orders.cancel")).toMatchObject({
      effect: "write",
      input: { required: ["customerId", "orderId"] },
    });
    expect(text).toContain("customerId orderId [reason]");
  });
  it("are called on the generated company, a write once for each key", async () => {
    const order = '{"customerId":"C1001","orderId":"W2001011"}';
    expect((await run("skills", "call", "orders.get", order)).value.result).toMatchObject({
      status: "pending",
    });
    const first = await run("skills", "call", "orders.cancel", order, "--key", "k1");
    expect(first.value.result).toMatchObject({ status: "cancelled" });
    expect((await run("skills", "call", "orders.cancel", order, "--key", "k1")).value).toEqual(first.value);
    const again = await run("skills", "call", "orders.cancel", order);
    expect(again).toMatchObject({ failed: true, value: { error: { reason: "already_cancelled" } } });
  });
  it("say what is wrong with a call", async () => {
    await expect(run("skills", "call", "order.get", "{}")).rejects.toThrow(/did you mean orders.get\?/);
    await expect(run("skills", "call", "orders.get", "{oops")).rejects.toThrow(/quote it like/);
    await expect(run("skills", "call", "orders.get", '{"customerId":"C1"}')).rejects.toThrow(/orderId/);
  });
});

describe("import", () => {
  it("fills a dataset of the data directory", async () => {
    const file = join(dir, "products.json");
    await writeFile(file, '[{"id":"p1","name":"Lamp","variants":[]}]');
    const { value, text } = await run("import", file, "--into", "shop");
    expect(value).toEqual({
      dataset: "shop",
      files: [{ file: "products.json", collection: "products", records: 1 }],
      records: 1,
    });
    expect(text).toContain("backoffice.dataset: shop");
    const product = await run("skills", "call", "catalog.product", '{"name":"lamp"}', "--dataset", "shop");
    expect(product.value.result).toMatchObject({ id: "p1" });
  });
});
