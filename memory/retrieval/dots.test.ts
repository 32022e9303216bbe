import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import wabt from "wabt";
import { DOTS_WASM, products } from "./dots.ts";

const SOURCE = fileURLToPath(new URL("dots.wat", import.meta.url));

it("is what dots.wat says", async () => {
  const { parseWat } = await wabt();
  const module = parseWat("dots.wat", await readFile(SOURCE, "utf8"), { simd: true });
  expect(Buffer.from(module.toBinary({}).buffer).toString("base64")).toBe(DOTS_WASM);
});

it.each([1, 7, 8, 31, 32, 100, 512, 1_000])("multiplies rows of %i numbers", (dimension) => {
  const count = 150;
  const all = Float32Array.from({ length: count * dimension }, (_, i) => Math.sin(i * 1.7) / 2);
  const get = (row: number) => all.subarray(row * dimension, (row + 1) * dimension);
  const vector = Float32Array.from({ length: dimension }, (_, i) => Math.cos(i * 0.3));
  const rows = Array.from({ length: count }, (_, i) => (i * 7) % count);
  const found = products({ dimension, get }, vector, rows, 10, 140);
  expect(found).toHaveLength(130);
  for (const [i, product] of found.entries()) {
    const at = rows[10 + i]! * dimension;
    const exact = vector.reduce((sum, value, n) => sum + value * all[at + n]!, 0);
    expect(product).toBeCloseTo(exact, 3);
  }
});
