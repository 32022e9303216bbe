import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BackOffice } from "../backoffice/index.ts";
import { Inventory } from "../inventory.ts";
import {
  type ImportOptions,
  importFiles,
  loadMap,
  originals,
  originalsFolder,
  parseMap,
  shippedMaps,
  storeTarget,
} from "./index.ts";

let dir: string;
let office: BackOffice;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "import-"));
  office = await BackOffice.open(join(dir, "backoffice"));
});
afterEach(async () => {
  await office.close();
  await rm(dir, { recursive: true, force: true });
});

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, content);
  return path;
}
const load = (files: string[], options: Partial<ImportOptions> = {}) =>
  importFiles(storeTarget(office), { files, into: "shop", ...options });
const errorOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "no error",
    (error) => error.message,
  );
const shop = () => office.use("shop");

const customer = (id: string) => ({
  id,
  firstName: "Ada",
  lastName: "Byron",
  email: `${id}@example.com`,
  address: { line1: "1 Mill Road", city: "Larkfield", postcode: "95611", country: "USA" },
  paymentMethods: [],
});

describe("records in the shape of the desk", () => {
  it("come as a list, as an object of records, or one a line", async () => {
    const list = await file("customers.json", JSON.stringify([customer("a"), customer("b")]));
    const object = await file(
      "customers-2.json",
      JSON.stringify({ c: { ...customer("c"), id: undefined } }, null, 2),
    );
    const lines = await file(
      "customers-3.ndjson",
      `${JSON.stringify(customer("d"))}\n\n${JSON.stringify(customer("e"))}`,
    );
    const result = await load([list, object, lines]);
    expect(result).toMatchObject({ dataset: "shop", records: 5 });
    expect((await shop().list("customers")).map((c) => c.id)).toEqual(["a", "b", "c", "d", "e"]);
    expect(await shop().by("customers", "email", "d@example.com")).toHaveLength(1);
  });

  it("come as CSV, with dotted columns", async () => {
    const path = await file(
      "plans.csv",
      '\ufeffid,name,price,currency,period,rank,limits.storage\nbasic,"Basic, small",4.99,USD,month,1,20\n',
    );
    await load([path]);
    expect(await shop().get("plans", "basic")).toEqual({
      id: "basic",
      name: "Basic, small",
      price: 4.99,
      currency: "USD",
      period: "month",
      rank: 1,
      limits: { storage: 20 },
    });
  });

  it("of a kind that the desk does not know are kept as they are, under the key that is named", async () => {
    const path = await file("stores.json", '[{"code":7,"town":"Wrenport"}]');
    expect(await errorOf(load([path]))).toMatch(/stores.json, record 1 on line 1, field id: .*--key/);
    await load([path], { key: "code" });
    expect(await shop().get("stores", "7")).toEqual({ id: "7", code: 7, town: "Wrenport" });
    await load([path], { key: "code", into: "shop/branches" });
    expect(await shop().count("branches")).toBe(1);
  });

  it("are many", async () => {
    const lines = Array.from({ length: 5_000 }, (_, n) => JSON.stringify(customer(`c${n}`))).join("\n");
    expect(await load([await file("customers.ndjson", lines)])).toMatchObject({ records: 5_000 });
    expect(await shop().count("customers")).toBe(5_000);
  });
});

describe("files that are wrong", () => {
  const good = JSON.stringify(customer("a"));
  it.each([
    ["customers.json", `[${good},\n${good.replace('"email"', '"mail"')}]`, /record 2 on line 2, field email/],
    ["customers.json", `[${good},\n{"id": }]`, /line 2: no valid JSON/],
    ["customers.json", `[${good}`, /line 1: the file ends in the middle/],
    ["customers.json", `[${good},]`, /a record is missing before \]/],
    ["customers.json", `[${good} ${good}]`, /"," is missing/],
    ["customers.json", "[1, 2]", /record 1 on line 1: is no object/],
    ["customers.json", "", /the file is empty/],
    ["customers.json", "[]", /holds no records/],
    ["customers.json", `${good} x`, /customers.json/],
    ["customers.ndjson", `${good}\n{nope}\n`, /line 2: no valid JSON/],
    ["customers.csv", "id,firstName\n1,2,3\n", /customers.csv: .*line 2/i],
    ["customers.json", Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), /not valid UTF-8/],
    ["customers.xlsx", "x", /not known\nuse .json/],
  ])("%s %#: are named with the place, and nothing of them is loaded", async (name, content, message) => {
    expect(await errorOf(load([await file(name, content)]))).toMatch(message);
    expect(await shop().list("customers")).toEqual([]);
    expect(await shop().info()).toBeUndefined();
  });

  it("do not exist", async () => {
    expect(await errorOf(load([join(dir, "nowhere.json")]))).toMatch(/nowhere.json: there is no such file/);
  });
  it("have nowhere to go", async () => {
    expect(await errorOf(load([await file("customers.json", "[]")], { into: "a/b/c" }))).toMatch(
      /--into a\/b\/c/,
    );
  });
});

it("names a folder and a missing file before anything is loaded", async () => {
  const good = await file("customers.json", JSON.stringify([customer("C1")]));
  expect(await errorOf(load([good, dir]))).toMatch(/is a folder\nname the files/);
  expect(await errorOf(load([good, join(dir, "orders.json")]))).toMatch(/there is no such file/);
  expect(await shop().info()).toBeUndefined();
});

describe("maps", () => {
  const yaml = `
map: 1
name: mine
description: Test
settings: { currency: GBP, returnWindowDays: 14 }
files:
  - file: people*.json
    signature: [Nr, Mail]
    into: customers
    fields:
      id: { from: Nr, text: true }
      firstName: who.0
      lastName: { template: "{who.1}" }
      email: { from: Mail, lower: true, strip: "mailto:" }
      since: { from: joined, date: true }
      address: { from: home, fields: { line1: street, city: town, postcode: $record.zip, country: { value: UK } } }
      paymentMethods:
        each: cards
        where: { live: true }
        fields: { id: $key, kind: { value: card }, label: { template: "{brand|title}" } }
`;
  const person = {
    Nr: 5,
    Mail: "mailto:Ada@Example.COM",
    who: ["Ada", "Byron"],
    joined: "2026-01-02 10:00:00",
    home: { street: "1 Mill Road", town: "Ely" },
    zip: "CB7 4DL",
    cards: { x1: { live: true, brand: "visa" }, x2: { live: false, brand: "amex" } },
  };

  it("turn a foreign shape into ours and set the dataset up", async () => {
    const map = await file("mine.yaml", yaml);
    await load([await file("people.json", JSON.stringify([person]))], { map });
    expect(await shop().get("customers", "5")).toEqual({
      id: "5",
      firstName: "Ada",
      lastName: "Byron",
      email: "ada@example.com",
      since: "2026-01-02T10:00:00.000Z",
      address: { line1: "1 Mill Road", city: "Ely", postcode: "CB7 4DL", country: "UK" },
      paymentMethods: [{ id: "x1", kind: "card", label: "Visa" }],
    });
    expect(await shop().settings()).toMatchObject({ currency: "GBP", returnWindowDays: 14 });
  });

  it("leave the settings alone that they do not name", async () => {
    await shop().configure({ refundApprovalLimit: 77 });
    const map = await file("mine.yaml", yaml);
    await load([await file("people.json", JSON.stringify([person]))], { map });
    expect(await shop().settings()).toMatchObject({ currency: "GBP", refundApprovalLimit: 77 });
  });

  it("name the field that they cannot turn", async () => {
    const map = await file("mine.yaml", yaml);
    const people = await file("people.json", JSON.stringify([{ ...person, joined: "soon" }]));
    expect(await errorOf(load([people], { map }))).toMatch(
      /people.json, record 1 on line 1, field since: "soon" is no date/,
    );
    const others = await file("others.json", "[]");
    expect(await errorOf(load([others], { map }))).toMatch(
      /the map mine has no files like this\nit knows people\*.json/,
    );
  });

  it("are checked before anything is read", () => {
    expect(() => parseMap(yaml.replace("into: customers", "into: customer"), "m.yaml")).toThrow(
      /m.yaml:9: files.0.into/,
    );
    expect(() => parseMap(yaml.replace("lower: true", "lowr: true"), "m.yaml")).toThrow(
      /m.yaml:14: files.0.fields.email/,
    );
    expect(() => parseMap("map: [", "m.yaml")).toThrow(/m.yaml:1:/);
    expect(() => loadMap("nothing-like-it")).toThrow(/there is no map nothing-like-it: .*tau2-retail/);
  });

  it("that are shipped are valid", () => {
    expect(shippedMaps()).toContain("tau2-retail");
    for (const name of shippedMaps()) expect(loadMap(name).name).toBe(name);
  });

  it("are proposed when a file is what one of them is for", async () => {
    const users = await file("users.json", '{"u":{"name":{},"address":{},"email":"x","payment_methods":{}}}');
    expect(await errorOf(load([users]))).toMatch(/add --map tau2-retail/);
  });
});

const world = join(process.cwd(), "../shared/data/tau2/worlds/retail");
describe.skipIf(!existsSync(world))("the tau2 retail world (skipped where it is absent)", () => {
  it("is loaded with its map, and its customers are served", async () => {
    const files = ["users", "orders", "products"].map((name) => join(world, `${name}.json`));
    const result = await load(files, { into: "retail", map: "tau2-retail" });
    expect(result.files.map((f) => f.records)).toEqual([500, 1000, 50]);
    const retail = office.use("retail");
    const inventory = new Inventory();
    const call = (name: string, input: object): Promise<any> => {
      const skill = inventory.get(name)!;
      return skill.run(skill.input.parse(input), { office: retail, key: name, now: Date.now() });
    };
    for (const c of (await retail.list("customers")).slice(0, 40)) {
      const said = `Hi, I'm ${c.firstName} ${c.lastName} and my zip is ${c.address.postcode}.`;
      expect(await call("crm.verify", { text: said }), c.id).toMatchObject({
        verified: true,
        customerId: c.id,
      });
      expect(await call("crm.verify", { emails: [c.email] })).toMatchObject({
        verified: true,
        customerId: c.id,
      });
      for (const order of (await call("orders.list", { customerId: c.id })).orders) {
        const text = `I want to return the ${order.items[0].name.toLowerCase()}`;
        const match = await call("orders.match", { customerId: c.id, text });
        expect(
          match.orders.map((o: { id: string }) => o.id),
          text,
        ).toContain(order.id);
      }
    }
  });
});

describe("the files themselves", () => {
  it("are kept beside the data, with digest and what was done with them", async () => {
    const text = JSON.stringify([customer("C1"), customer("C2")]);
    const path = await file("customers.json", text);
    await load([path], { keepIn: dir });
    await load([path], { keepIn: dir, key: "id" });
    const folder = originalsFolder(dir, "shop");
    const kept = await originals(folder);
    expect(kept).toMatchObject([{ file: "customers.json", collection: "customers", records: 2, key: "id" }]);
    expect(kept[0]!.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await readFile(join(folder, "customers.json"), "utf8")).toBe(text);
    expect((await stat(join(folder, "customers.json"))).mode & 0o077).toBe(0);
  });
});
