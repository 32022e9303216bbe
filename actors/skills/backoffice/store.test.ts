import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BackOffice, BackOfficeError, type Customer, Refusal } from "./index.ts";

let dir: string;
let office: BackOffice;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "backoffice-"));
  office = await BackOffice.open(dir);
});
afterEach(async () => {
  await office.close();
  await rm(dir, { recursive: true, force: true });
});

const customer = (id: string, over: Partial<Customer> = {}): Customer => ({
  id,
  firstName: "Ada",
  lastName: "Byron",
  email: `${id}@example.com`,
  address: { line1: "1 Mill Road", city: "Larkfield", postcode: "95611", country: "USA" },
  paymentMethods: [],
  ...over,
});
const put = (id: string, key: string, over: Partial<Customer> = {}) =>
  office.write(key, "test.put", { id, ...(over as object) }, 1000, async (tx) => {
    tx.put("customers", customer(id, over));
    return { id };
  });

describe("records and indexes", () => {
  it("finds by e-mail without regard to case and by postcode without blanks", async () => {
    await put("c1", "k1", { email: "Ada.B@Example.com" });
    expect(await office.by("customers", "email", "ada.b@example.com")).toHaveLength(1);
    expect(await office.by("customers", "postcode", "95611")).toHaveLength(1);
    expect(await office.by("customers", "email", "ada.b@example")).toHaveLength(0);
  });

  it("takes the old index entry away when a value changes", async () => {
    await put("c1", "k1", { email: "old@example.com" });
    await put("c1", "k2", { email: "new@example.com" });
    expect(await office.by("customers", "email", "old@example.com")).toHaveLength(0);
    expect(await office.by("customers", "email", "new@example.com")).toHaveLength(1);
  });

  it("keeps datasets apart", async () => {
    await put("c1", "k1");
    expect(await office.use("retail").get("customers", "c1")).toBeUndefined();
    expect(await office.get("customers", "c1")).toBeDefined();
  });
});

describe("idempotent writes", () => {
  it("applies once and answers the stored result afterwards, also after opening again", async () => {
    let effects = 0;
    const charge = () =>
      office.write("key-1", "test.charge", { amount: 5 }, 1000, async (tx) => {
        effects++;
        return { id: tx.newId("PAY"), n: effects };
      });
    const first = await charge();
    expect(await charge()).toEqual(first);
    await office.close();
    office = await BackOffice.open(dir);
    expect(await charge()).toEqual(first);
    expect(effects).toBe(1);
    expect(await office.lookup("key-1")).toMatchObject({ outcome: "applied", result: first });
    expect(await office.audit()).toMatchObject([{ key: "key-1", attempts: 3, outcome: "applied" }]);
  });

  it("keeps a refusal under the key: what was refused once is not done by a repetition", async () => {
    let allowed = false;
    const attempt = () =>
      office.write("key-2", "test.cancel", {}, 1000, async () => {
        if (!allowed)
          throw new Refusal("conflict", "not_pending", "the order is delivered", { status: "delivered" });
        return {};
      });
    await expect(attempt()).rejects.toMatchObject({ code: "conflict", reason: "not_pending" });
    allowed = true;
    await expect(attempt()).rejects.toMatchObject({
      message: "not_pending: the order is delivered",
      details: { status: "delivered" },
    });
  });

  it("writes nothing when the change throws, and lets the key be tried again", async () => {
    const failing = office.write("key-3", "test.put", { id: "c9" }, 1000, async (tx) => {
      tx.put("customers", customer("c9"));
      throw new Error("disk on fire");
    });
    await expect(failing).rejects.toThrow("disk on fire");
    expect(await office.get("customers", "c9")).toBeUndefined();
    expect(await office.lookup("key-3")).toBeUndefined();
    await put("c9", "key-3");
    expect(await office.get("customers", "c9")).toBeDefined();
  });

  it("refuses a key that was used for another request", async () => {
    await put("c1", "key-4");
    await expect(put("c2", "key-4")).rejects.toMatchObject({ reason: "key_reused" });
    expect(await office.get("customers", "c2")).toBeUndefined();
  });

  it("lets concurrent attempts under one key have one effect", async () => {
    let effects = 0;
    const results = await Promise.all(
      Array.from({ length: 20 }, () =>
        office.write("key-5", "test.charge", {}, 1000, async () => ({ n: ++effects })),
      ),
    );
    expect(effects).toBe(1);
    expect(new Set(results.map((r) => r.n))).toEqual(new Set([1]));
  });

  it("sees within a write what the write has put", async () => {
    const seen = await office.write("key-6", "test.put", {}, 1000, async (tx) => {
      tx.put("customers", customer("c7"));
      return {
        byId: (await tx.get("customers", "c7"))?.id ?? "",
        byMail: (await tx.by("customers", "email", "c7@example.com")).length,
      };
    });
    expect(seen).toEqual({ byId: "c7", byMail: 1 });
  });
});

describe("loads", () => {
  it("shows nothing before the commit and everything after it", async () => {
    const load = await office.load();
    for (let n = 0; n < 1200; n++) await load.put("customers", customer(`c${n}`));
    expect(await office.count("customers")).toBe(0);
    expect(await load.commit({ origin: "imported" })).toBe(1200);
    expect(await office.count("customers")).toBe(1200);
    expect(await office.info()).toMatchObject({ origin: "imported" });
  });

  it("leaves nothing of a load that the process did not live to commit", async () => {
    const load = await office.load();
    for (let n = 0; n < 700; n++) await load.put("customers", customer(`c${n}`));
    await office.close();
    office = await BackOffice.open(dir);
    expect(await office.count("customers")).toBe(0);
    await expect(load.commit()).rejects.toThrow();
  });

  it("lets the later of two records with one id win, indexes included", async () => {
    const load = await office.load();
    await load.put("customers", customer("c1", { email: "first@example.com" }));
    await load.put("customers", customer("c1", { email: "second@example.com" }));
    await load.commit();
    expect(await office.by("customers", "email", "first@example.com")).toHaveLength(0);
    expect(await office.by("customers", "email", "second@example.com")).toHaveLength(1);
  });
});

describe("opening", () => {
  it("says that another process has the directory", async () => {
    await expect(BackOffice.open(dir)).rejects.toThrow(/in use by a running desk/);
  });
  it("refuses a dataset name that could not be a name", () => {
    expect(() => office.use("../x")).toThrow(BackOfficeError);
  });
});
