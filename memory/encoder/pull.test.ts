import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { modelsIn } from "./model-folder.ts";
import { pullModel } from "./pull.ts";

let dir: string;
let hub: string;
let server: Server;
let behave: (path: string) => { status?: number; body?: string; hang?: boolean };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "models-"));
  behave = (path) => ({ body: `content of ${path}` });
  server = createServer((request, response) => {
    const { status = 200, body = "", hang } = behave(request.url!);
    response.writeHead(status);
    if (hang) response.write("the beginning");
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  hub = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true });
});

describe("pullModel", () => {
  it("fetches the files of a model and puts them in place at once", async () => {
    const folder = await pullModel({ modelsDir: dir, model: "acme/small", hub });
    expect((await readdir(folder)).sort()).toEqual([
      "checksums.json",
      "config.json",
      "onnx",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const weights = await readFile(join(folder, "onnx", "model.onnx"), "utf8");
    expect(weights).toBe("content of /acme/small/resolve/main/onnx/model.onnx");
    expect(await readdir(join(dir, "acme"))).toEqual(["small"]);
    expect(await modelsIn(dir)).toEqual(["acme/small"]);
  });

  it("leaves what was there when it fails, and nothing beside it", async () => {
    await mkdir(join(dir, "acme", "small"), { recursive: true });
    await writeFile(join(dir, "acme", "small", "tokenizer.json"), "old");
    behave = (path) => (path.endsWith(".onnx") ? { status: 404 } : { body: "{}" });
    await expect(pullModel({ modelsDir: dir, model: "acme/small", hub })).rejects.toThrow(
      /has no onnx\/model.onnx of acme\/small \(404\).*--quantized/,
    );
    behave = () => ({ status: 500 });
    await expect(pullModel({ modelsDir: dir, model: "acme/small", hub })).rejects.toMatchObject({
      exitCode: 3,
    });
    expect(await readFile(join(dir, "acme", "small", "tokenizer.json"), "utf8")).toBe("old");
    expect(await readdir(join(dir, "acme"))).toEqual(["small"]);
  });

  it("gives up on a hub that goes silent or is not there", async () => {
    behave = () => ({ hang: true });
    await expect(pullModel({ modelsDir: dir, model: "acme/small", hub, stallMs: 100 })).rejects.toThrow(
      /nothing came for 100 ms.*by hand/,
    );
    await expect(
      pullModel({ modelsDir: dir, model: "acme/small", hub: "http://127.0.0.1:9" }),
    ).rejects.toMatchObject({
      exitCode: 3,
    });
  });

  it.each(["../../etc", "a/b/c", "/abs", "", "a b"])("refuses the name %j", async (model) => {
    await expect(pullModel({ modelsDir: dir, model, hub })).rejects.toMatchObject({ exitCode: 2 });
  });
});
