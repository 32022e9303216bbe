import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AdminClient } from "../../runtime/config/cli.ts";
import { BackOffice } from "../skills/backoffice/index.ts";
import { adminTarget, IMPORT_PATH, importFiles } from "../skills/import/index.ts";
import { importRoutes } from "./import.ts";
import { ADMIN_TOKEN, type RoutesUnderTest, serveRoutes } from "./testing.ts";

let t: RoutesUnderTest;
let office: BackOffice;
const dir = mkdtempSync(join(tmpdir(), "import-"));
beforeAll(async () => {
  office = await BackOffice.open(join(dir, "office"), { dataset: "main" });
  t = await serveRoutes(() => importRoutes(office));
});
afterAll(async () => {
  await t.stop();
  await office.close();
  rmSync(dir, { recursive: true, force: true });
});

const post = (body: unknown) => t.call("POST", IMPORT_PATH, body, ADMIN_TOKEN);
const product = (n: number) => ({ id: `p${n}`, name: `Product ${n}`, variants: [] });

it("loads a file in portions through the running desk", async () => {
  const file = join(dir, "products.json");
  writeFileSync(file, JSON.stringify(Array.from({ length: 450 }, (_, n) => product(n))));
  const client = {
    post: async (path: string, body: unknown) => (await t.call("POST", path, body, ADMIN_TOKEN)).body,
    delete: async (path: string) => (await t.call("DELETE", path, undefined, ADMIN_TOKEN)).body,
  } as unknown as AdminClient;
  const result = await importFiles(adminTarget(client), { files: [file], into: "shop", map: "none" });
  expect(result.records).toBe(450);
  expect(await office.use("shop").get("products", "p449")).toMatchObject({ name: "Product 449" });
});

it("shows nothing of a load before its end, nor after it was forgotten", async () => {
  const first = await post({ dataset: "half", records: [{ collection: "products", record: product(1) }] });
  expect(first.body.records).toBe(1);
  expect(await office.use("half").get("products", "p1")).toBeUndefined();
  const { load } = first.body;
  expect((await post({ dataset: "other", load, records: [] })).status).toBe(409);
  expect((await t.call("DELETE", `${IMPORT_PATH}/${load}`, undefined, ADMIN_TOKEN)).status).toBe(200);
  expect((await post({ dataset: "half", load, records: [], last: true })).status).toBe(404);
  expect(await office.use("half").get("products", "p1")).toBeUndefined();
});

it("sets the settings that are given and leaves the others", async () => {
  const send = (settings: unknown) => post({ dataset: "set", records: [], last: true, settings });
  expect((await send({ currency: "USD" })).status).toBe(200);
  expect((await send({ orderPattern: "#W\\d{7}" })).status).toBe(200);
  expect((await office.use("set").info())?.settings).toMatchObject({
    currency: "USD",
    orderPattern: "#W\\d{7}",
  });
  expect((await send({ orderPattern: "(" })).body.errors[0].field).toBe("settings.orderPattern");
});

it("names the field of a wrong record and writes nothing", async () => {
  const wrong = { collection: "products", record: { ...product(2), name: 7 } };
  const answer = await post({ dataset: "bad", records: [wrong], last: true });
  expect([answer.status, answer.body.errors[0].field]).toEqual([400, "records.0.record.name"]);
  const noId = await post({ dataset: "bad", records: [{ collection: "things", record: {} }], last: true });
  expect([noId.status, noId.body.errors[0].field]).toEqual([400, "records.0.record.id"]);
  const name = await post({ dataset: "no/good", records: [] });
  expect([name.status, name.body.errors[0].field]).toEqual([400, "dataset"]);
  expect((await t.call("POST", IMPORT_PATH, { dataset: "x", records: [] })).status).toBe(401);
});
