/** Vectors that set-up has computed: taken as they are, of their encoder only, and never where the file is damaged. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { cacheDir } from "../../runtime/config/paths.ts";
import { openEncoder } from "./encoder.ts";
import { hashOfText, keepVectors, keptVectors } from "./kept-vectors.ts";

const folder = mkdtempSync(join(tmpdir(), "kept-vectors-"));
const modelsDir = join(cacheDir(), "models");
const unit = (at: number): Float32Array => Float32Array.from({ length: 512 }, (_, i) => (i === at ? 1 : 0));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("are taken for the texts that they are of, and of no other encoder", async () => {
  const asking = await openEncoder({ modelsDir });
  const { id, dimension } = asking;
  const [other] = await asking.encode(["an other text"]);
  await asking.close();
  const texts = ["a text of ours", "ein anderer – ünïcode"];
  await keepVectors(folder, { id, dimension }, new Map(texts.map((text, i) => [text, unit(i)])));
  const encoder = await openEncoder({ modelsDir, kept: folder });
  try {
    const vectors = await encoder.encode([texts[1]!, "an other text", texts[0]!]);
    expect(vectors[0]).toEqual(unit(1));
    expect(vectors[2]).toEqual(unit(0));
    expect(vectors[1]!.reduce((sum, n, i) => sum + n * other![i]!, 0)).toBeGreaterThan(0.999);
  } finally {
    await encoder.close();
  }
  expect((await keptVectors(folder, { id: "other@1", dimension })).size).toBe(0);
  expect((await keptVectors(folder, { id, dimension: 128 })).size).toBe(0);
}, 60_000);

it("are not taken from a file that is damaged, cut off or another encoder's", async () => {
  const own = mkdtempSync(join(folder, "own-"));
  const model = { id: "m@1", dimension: 512 };
  await keepVectors(own, model, new Map([["a", unit(3)]]));
  const [name] = readdirSync(own);
  const file = join(own, name!);
  const whole = readFileSync(file);
  expect((await keptVectors(own, model)).get(hashOfText("a"))).toEqual(unit(3));
  const damaged = Buffer.from(whole);
  damaged[damaged.length - 1]! ^= 1;
  for (const bytes of [damaged, whole.subarray(0, -4), whole.subarray(0, 20), Buffer.from("bwve0001")]) {
    writeFileSync(file, bytes);
    expect((await keptVectors(own, model)).size).toBe(0);
  }
});
