import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Bus, type Kv, KvConflictError, type KvEntry } from "../bus/index.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import { newId } from "../ids.ts";
import { KeyRingError, openKeyRing, type WorkspaceKeyRing } from "./keyring.ts";
import { aesSealer, SealError, type Sealer } from "./sealer.ts";
import { WorkspaceKeyError } from "./workspace-key.ts";

const text = Buffer.from("Grace Hopper, 1 Navy Street");
let server: TestServer;
let bus: Bus;
let otherBus: Bus;
let dataDir: string;
let count = 0;
let workspace: string;
const rings: WorkspaceKeyRing[] = [];

beforeAll(async () => {
  server = await startTestServer();
  bus = await server.connect();
  otherBus = await server.connect();
});
afterAll(() => server?.stop());
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "bw-keys-"));
  workspace = `w${++count}`;
});
afterEach(() => {
  for (const ring of rings.splice(0)) ring.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(over: Bus = bus, maxAgeMs?: number): Promise<WorkspaceKeyRing> {
  const ring = await openKeyRing({ bus: over, workspace, dataDir, maxAgeMs });
  rings.push(ring);
  return ring;
}

async function make(ring: WorkspaceKeyRing, key: string): Promise<Sealer> {
  return (await ring.sealer(key, { create: true }))!;
}

describe("a key ring", () => {
  it("makes a key once and finds it again, also in another process's ring", async () => {
    const ring = await open();
    expect(await ring.sealer("c1")).toBeUndefined();
    const sealed = (await make(ring, "c1")).seal(text, "a");
    expect(ring.cached("c1")!.open(sealed, "a")).toEqual(text);
    const other = await open(otherBus);
    expect(other.cached("c1")).toBeUndefined();
    expect((await other.sealer("c1"))!.open(sealed, "a")).toEqual(text);
    expect(() => other.cached("c1")!.open(sealed, "b")).toThrow(SealError);
  });

  it("gives one key to all who make it at once", async () => {
    const [a, b] = [await open(), await open(otherBus)];
    const made = await Promise.all(Array.from({ length: 20 }, (_, i) => make(i % 2 ? a : b, "c1")));
    const sealed = made[0]!.seal(text, "a");
    for (const sealer of made) expect(sealer.open(sealed, "a")).toEqual(text);
    const kv = await bus.kv(`BW_${workspace}_KEYS`);
    expect(await kv.keys("material.")).toHaveLength(1);
  });

  it("holds no key in the clear on the bus", async () => {
    const ring = await open();
    const sealed = (await make(ring, "c1")).seal(text, "a");
    const kv = await bus.kv(`BW_${workspace}_KEYS`);
    const [name] = await kv.keys("material.");
    const wrapped = (await kv.get(name!))!.value;
    expect(() => aesSealer(wrapped.subarray(12, 44)).open(sealed, "a")).toThrow(SealError);
  });

  it("refuses a wrapped key that was changed or swapped with another's", async () => {
    const ring = await open();
    await make(ring, "c1");
    await make(ring, "c2");
    const kv = await bus.kv(`BW_${workspace}_KEYS`);
    const entry = (await kv.get("key.c2"))!.value;
    await kv.put("key.c1", entry);
    await expect((await open(otherBus)).sealer("c1")).rejects.toThrow(SealError);
  });

  it("lets go of keys that nobody uses", async () => {
    const ring = await open(bus, 200);
    await make(ring, "idle");
    await make(ring, "busy");
    expect(ring.held).toBe(2);
    await expect
      .poll(async () => {
        expect(await ring.sealer("busy")).toBeDefined();
        return ring.held;
      })
      .toBe(1);
    expect(await ring.sealer("idle")).toBeDefined();
  });

  it("asks again once a key is too old", async () => {
    const ring = await open(bus, 40);
    await make(ring, "c1");
    expect(ring.cached("c1")).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(ring.cached("c1")).toBeUndefined();
    expect(await ring.sealer("c1")).toBeDefined();
  });
});

describe("destroying a key", () => {
  it("is seen by every ring, for good", async () => {
    const [a, b] = [await open(), await open(otherBus)];
    await make(a, "c1");
    expect(await b.sealer("c1")).toBeDefined();
    await a.destroy("c1");
    expect(a.cached("c1")).toBeUndefined();
    await expect.poll(() => b.cached("c1")).toBeUndefined();
    for (const ring of [a, b, await open(otherBus)]) {
      expect(await ring.sealer("c1")).toBeUndefined();
      expect(await ring.sealer("c1", { create: true })).toBeUndefined();
    }
    await a.destroy("c1");
  });

  it("is noticed without the broadcast when the key gets too old", async () => {
    const [a, deaf] = [await open(), await open(otherBus, 100)];
    await make(a, "c1");
    await deaf.sealer("c1");
    deaf.close();
    await deaf.sealer("c1");
    await a.destroy("c1");
    await expect.poll(() => deaf.cached("c1"), { timeout: 5_000 }).toBeUndefined();
    expect(await deaf.sealer("c1", { create: true })).toBeUndefined();
  });

  it("of one that never was keeps it from being made", async () => {
    const ring = await open();
    await ring.destroy("c9");
    expect(await ring.sealer("c9", { create: true })).toBeUndefined();
  });

  it("wins over one who makes it at the same time", async () => {
    const [a, b] = [await open(), await open(otherBus)];
    for (let i = 0; i < 10; i++) {
      await Promise.all([make(a, `r${i}`), b.destroy(`r${i}`)]);
      await expect.poll(() => a.cached(`r${i}`)).toBeUndefined();
      expect(await a.sealer(`r${i}`, { create: true })).toBeUndefined();
    }
  });

  it("leaves the wrapped key nowhere on the disk, nor the wrappings before", async () => {
    const ring = await open();
    const kv = await bus.kv(`BW_${workspace}_KEYS`);
    await make(ring, "customer");
    await make(ring, "c1");
    const wrapped = await Promise.all(
      (await kv.keys("material.")).map(async (k) => (await kv.get(k))!.value),
    );
    await ring.wrapUnder("c1", "customer");
    for (const name of await kv.keys("material.")) wrapped.push((await kv.get(name))!.value);
    expect(wrapped.filter((w) => onDisk(server.dir, w)).length).toBeGreaterThan(0);
    await ring.destroy("c1");
    await ring.destroy("customer");
    expect(wrapped.filter((w) => onDisk(server.dir, w))).toEqual([]);
    expect(await kv.keys("material.")).toEqual([]);
    expect(await kv.keys("pending.")).toEqual([]);
  });

  it("is finished by the next start when a crash cut it short", async () => {
    const ring = await open();
    await make(ring, "c1");
    const kv = await bus.kv(`BW_${workspace}_KEYS`);
    const [name] = await kv.keys("material.");
    // What is there when the process dies between the tombstone and the erasure.
    await kv.put(`pending.c1.${name!.slice("material.".length)}`, Buffer.alloc(0));
    await kv.put("key.c1", Buffer.from(JSON.stringify({ state: "destroyed", at: 1 })));
    await open(otherBus);
    expect(await kv.keys("material.")).toEqual([]);
    expect(await kv.keys("pending.")).toEqual([]);
  });
});

describe("a crash between a key's new wrapping and its entry", () => {
  /** What is there when the process dies right then. */
  async function cutShort(): Promise<{ kv: Kv; entry: KvEntry; fresh: string }> {
    const kv = await bus.kv(`BW_${workspace}_KEYS`);
    const entry = (await kv.get("key.c1"))!;
    const { material } = JSON.parse(Buffer.from(entry.value).toString("utf8"));
    const id = newId();
    const fresh = `material.${id}`;
    await kv.create(`pending.c1.${id}`, Buffer.from(material));
    await kv.create(fresh, Buffer.from("the key, wrapped under its new parent"));
    return { kv, entry, fresh };
  }

  it("leaves nothing behind when the key is destroyed", async () => {
    const ring = await open();
    await make(ring, "c1");
    const { kv } = await cutShort();
    await ring.destroy("c1");
    expect(await kv.keys("material.")).toEqual([]);
    expect(await kv.keys("pending.")).toEqual([]);
  });

  it("is made good by the next start, and whoever was only slow is kept from putting it into force", async () => {
    const sealed = (await make(await open(), "c1")).seal(text, "");
    const { kv, entry, fresh } = await cutShort();
    const next = await open(otherBus);
    expect(await kv.get(fresh)).toBeUndefined();
    expect(await kv.keys("pending.")).toEqual([]);
    expect((await next.sealer("c1"))!.open(sealed, "")).toEqual(text);
    await expect(kv.update("key.c1", entry.value, entry.revision)).rejects.toThrow(KvConflictError);
  });
});

describe("a crash between a key's new entry and the end of its old wrapping", () => {
  it("leaves nothing behind when the key is destroyed", async () => {
    const ring = await open();
    await make(ring, "customer");
    await make(ring, "c1");
    const kv = await bus.kv(`BW_${workspace}_KEYS`);
    const materialOf = async (name: string): Promise<string> =>
      JSON.parse(Buffer.from((await kv.get(name))!.value).toString("utf8")).material;
    const old = await materialOf("key.c1");
    await ring.wrapUnder("c1", "customer");
    // As if it had ended right before the old one was erased.
    await kv.put(`material.${old}`, Buffer.from("the key, wrapped as it was before"));
    await kv.create(`pending.c1.${await materialOf("key.c1")}`, Buffer.from(old));
    await ring.destroy("c1");
    expect(await kv.keys("material.")).toEqual([`material.${await materialOf("key.customer")}`]);
    expect(await kv.keys("pending.")).toEqual([]);
  });
});

describe("wrapping under another subject's key", () => {
  it("keeps what was sealed readable, and destroys it with the parent", async () => {
    const [a, b] = [await open(), await open(otherBus)];
    const sealed = (await make(a, "c1")).seal(text, "a");
    await b.sealer("c1");
    await make(a, "customer");
    await a.wrapUnder("c1", "customer");
    await a.wrapUnder("c1", "customer");
    expect((await a.sealer("c1"))!.open(sealed, "a")).toEqual(text);
    await expect.poll(async () => (await b.sealer("c1"))!.open(sealed, "a")).toEqual(text);
    await b.destroy("customer");
    expect(b.cached("c1")).toBeUndefined();
    await expect.poll(() => a.cached("c1")).toBeUndefined();
    for (const ring of [a, b]) expect(await ring.sealer("c1", { create: true })).toBeUndefined();
  });

  it("does not read a key again that it has wrapped itself, and lets go of it with its new parent", async () => {
    const ring = await open();
    const other = await open(otherBus);
    const sealed = (await make(ring, "c1")).seal(text, "");
    await make(ring, "customer");
    await other.sealer("c1");
    await ring.wrapUnder("c1", "customer");
    expect(ring.cached("c1")!.open(sealed, "")).toEqual(text);
    await expect.poll(() => other.cached("c1")).toBeUndefined();
    await other.destroy("customer");
    await expect.poll(() => ring.cached("c1")).toBeUndefined();
    expect(await ring.sealer("c1")).toBeUndefined();
  });

  it("misses material that is lost while the key is still in use", async () => {
    const ring = await open(bus, 400);
    await make(ring, "c1");
    const kv = await bus.kv(`BW_${workspace}_KEYS`);
    for (const name of await kv.keys("material.")) await kv.purge(name);
    // In use all the time, it is looked at again while it is at hand.
    await expect.poll(() => ring.cached("c1"), { interval: 20, timeout: 5_000 }).toBeUndefined();
    await expect(ring.sealer("c1")).rejects.toThrow(/material of key c1 is missing/);
  });

  it("refuses a missing key, itself and a circle", async () => {
    const ring = await open();
    await make(ring, "c1");
    await make(ring, "c2");
    await expect(ring.wrapUnder("c1", "none")).rejects.toThrow(KeyRingError);
    await expect(ring.wrapUnder("none", "c1")).rejects.toThrow(KeyRingError);
    await expect(ring.wrapUnder("c1", "c1")).rejects.toThrow(KeyRingError);
    await ring.wrapUnder("c1", "c2");
    await expect(ring.wrapUnder("c2", "c1")).rejects.toThrow(/which it wraps itself/);
  });
});

describe("the bucket as a whole", () => {
  it("tells which keys go with one", async () => {
    const ring = await open();
    for (const key of ["customer", "other", "conv1", "conv2", "conv3", "part"]) await make(ring, key);
    await ring.wrapUnder("conv1", "customer");
    await ring.wrapUnder("conv2", "customer");
    await ring.wrapUnder("conv3", "other");
    await ring.wrapUnder("part", "conv1");
    expect((await ring.under("customer")).sort()).toEqual(["conv1", "conv2", "part"]);
    expect(await ring.under("conv3")).toEqual([]);
    expect(await ring.under("nobody")).toEqual([]);
    // Also when it was destroyed: what was wrapped under it is still to be told.
    await ring.destroy("customer");
    expect((await ring.under("customer")).sort()).toEqual(["conv1", "conv2", "part"]);
    await ring.destroy("conv2");
    expect((await ring.under("customer")).sort()).toEqual(["conv1", "part"]);
  });

  it("loses wrapped keys that nothing says are in force, and none else", async () => {
    const ring = await open();
    await make(ring, "kept");
    await make(ring, "gone");
    const kv = await bus.kv(`BW_${workspace}_KEYS`);
    const { material } = JSON.parse(Buffer.from((await kv.get("key.gone"))!.value).toString("utf8"));
    const wrapped = (await kv.get(`material.${material}`))!.value;
    await ring.destroy("gone");
    // As a copy has it that was made block by block while the key was destroyed.
    await kv.put(`material.${material}`, wrapped);
    expect(await ring.eraseOrphans()).toBe(1);
    expect(await kv.get(`material.${material}`)).toBeUndefined();
    expect(await ring.eraseOrphans()).toBe(0);
    expect(await (await open(otherBus)).sealer("kept")).toBeDefined();
  });
});

describe("the workspace key", () => {
  it("is made once, for this user alone", async () => {
    await open();
    const file = join(dataDir, "workspace.key");
    const before = readFileSync(file, "utf8");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    await open(otherBus);
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(["workspace.key"]);
  });

  it("missing, damaged or another one is an error that says so", async () => {
    const ring = await open();
    await make(ring, "c1");
    const file = join(dataDir, "workspace.key");
    writeFileSync(file, "0".repeat(64));
    await expect(open()).rejects.toThrow(/is not the one/);
    writeFileSync(file, "short");
    await expect(open()).rejects.toThrow(/is damaged/);
    rmSync(file);
    await expect(open()).rejects.toThrow(WorkspaceKeyError);
    await expect(open()).rejects.toThrow(/is missing in/);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it("keys the hashes of identifiers, by purpose and workspace", async () => {
    const ring = await open();
    const hash = ring.keyedHash("email", "grace@example.com");
    expect(hash).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect((await open(otherBus)).keyedHash("email", "grace@example.com")).toBe(hash);
    expect(ring.keyedHash("phone", "grace@example.com")).not.toBe(hash);
    workspace += "x";
    expect((await open()).keyedHash("email", "grace@example.com")).not.toBe(hash);
  });
});

/** Whether any file below a folder holds the bytes. */
function onDisk(folder: string, wanted: Uint8Array): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(Buffer.from(wanted)));
}
