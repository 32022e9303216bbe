import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asset, cacheDir } from "../../runtime/config/paths.ts";
import { encoderOn, openEncoder, openSharedEncoder, prepareModel, type SharedEncoder } from "./index.ts";

/** Built by set-up, which `npm test` runs first. */
const ENTRY = asset("dist", "memory", "encoder", "encoder-thread-worker.js");
const modelsDir = join(cacheDir(), "models");

let shared: SharedEncoder;
beforeAll(async () => {
  await prepareModel(modelsDir);
  shared = await openSharedEncoder({ modelsDir }, ENTRY);
}, 120_000);
afterAll(() => shared?.close());

describe("an encoder in a thread", () => {
  it("gives every port the vectors that it gives without a thread", async () => {
    expect(existsSync(ENTRY)).toBe(true);
    const beside = await openEncoder({ modelsDir });
    const other = encoderOn(shared.port(), shared);
    try {
      expect({ id: shared.id, dimension: shared.dimension }).toEqual({
        id: beside.id,
        dimension: beside.dimension,
      });
      const texts = ["where is my order", "", "好 😀"];
      const expected = await beside.encode(texts);
      for (const encoder of [shared, other]) expect(await encoder.encode(texts)).toEqual(expected);
      // The second one found them in the cache of the first.
      await expect.poll(() => shared.health().cached).toBe(texts.length);
      expect(shared.health()).toMatchObject({ state: "up", restarts: 0, waiting: 0 });
    } finally {
      await beside.close();
    }
  });

  it("drops what nobody waits for any more", async () => {
    const aborter = new AbortController();
    const asked = shared.encode(
      Array.from({ length: 200 }, (_, i) => `never read ${i}`),
      aborter.signal,
    );
    aborter.abort(new Error("nobody waits"));
    await expect(asked).rejects.toThrow("nobody waits");
    await expect(shared.encode(["x"], aborter.signal)).rejects.toThrow("nobody waits");
    expect(await shared.encode(["still there"])).toHaveLength(1);
    await expect.poll(() => shared.health().waiting).toBe(0);
  });

  it("says what is missing and how to mend it", async () => {
    const empty = await mkdtemp(join(tmpdir(), "models-"));
    try {
      await expect(openSharedEncoder({ modelsDir: empty }, ENTRY)).rejects.toMatchObject({
        name: "EncoderError",
        code: "missing",
        message: expect.stringMatching(/no encoder model in .*npm run setup/),
      });
    } finally {
      await rm(empty, { recursive: true });
    }
  });

  it("leaves no process behind, and refuses what comes after it was closed", async () => {
    const children = (): string[] =>
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .filter((pid) => {
          const file = (name: string): string => {
            try {
              return readFileSync(`/proc/${pid}/${name}`, "utf8");
            } catch {
              return "";
            }
          };
          const parent = Number(file("stat").split(") ")[1]?.split(" ")[1]);
          return parent === process.pid && file("cmdline").includes("encoder-worker");
        });
    const before = children().length;
    const closing = await openSharedEncoder({ modelsDir }, ENTRY);
    expect(children()).toHaveLength(before + 1);
    const late = encoderOn(closing.port(), closing);
    await closing.close();
    expect(children()).toHaveLength(before);
    for (const encoder of [closing, late]) {
      await expect(encoder.encode(["too late"])).rejects.toMatchObject({ code: "closed" });
    }
  });
});
