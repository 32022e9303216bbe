import { appendFile, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { prepareModel } from "./prepare.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "models-"));
});
afterEach(() => rm(dir, { recursive: true }));

describe("prepareModel", () => {
  it("writes a whole model folder and nothing beside it, once", async () => {
    const steps: string[] = [];
    const first = await prepareModel(dir, (step) => steps.push(step));
    expect(first.converted).toBe(true);
    expect(steps.length).toBeGreaterThan(1);
    expect(await readdir(dir)).toEqual(["use-lite-en"]);
    expect((await readdir(first.folder)).sort()).toEqual([
      "checksums.json",
      "config.json",
      "onnx",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const before = await stat(join(first.folder, "onnx", "model.onnx"));
    expect((await prepareModel(dir)).converted).toBe(false);
    expect((await stat(join(first.folder, "onnx", "model.onnx"))).mtimeMs).toBe(before.mtimeMs);
  });

  it("converts again what was damaged", async () => {
    const { folder } = await prepareModel(dir);
    const whole = await readFile(join(folder, "tokenizer.json"), "utf8");
    await appendFile(join(folder, "tokenizer.json"), "garbage");
    expect((await prepareModel(dir)).converted).toBe(true);
    expect(await readFile(join(folder, "tokenizer.json"), "utf8")).toBe(whole);
  });

  it("is safe to run twice at once", async () => {
    const both = await Promise.all([prepareModel(dir), prepareModel(dir)]);
    expect(both.some(({ converted }) => converted)).toBe(true);
    expect(await readdir(dir)).toEqual(["use-lite-en"]);
    expect((await prepareModel(dir)).converted).toBe(false);
  });
});
