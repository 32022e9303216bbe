import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type OpenEncoder, openEncoder, prepareModel } from "../../memory/encoder/index.ts";
import { asset, cacheDir } from "../../runtime/config/paths.ts";
import type { Service } from "../../runtime/host/service.ts";
import { languageService } from "./service.ts";
import { languageThread } from "./thread.ts";
import type { Encoder, Understanding } from "./types.ts";

/** Built by set-up, which `npm test` runs first. */
const ENTRY = asset("dist", "actors", "language", "language-worker.js");
const EXAMPLES = [
  ["order_status", "where is my order", "track my parcel", "has it shipped yet", "when will it arrive"],
  ["cancel_order", "cancel my order", "I don't want it any more", "please stop the order", "cancel it"],
].flatMap(([intent, ...texts]) => texts.map((text) => ({ intent: intent!, text })));

const context = (signal = new AbortController().signal) => ({
  idempotencyKey: "k",
  deadline: Date.now() + 60_000,
  signal,
});
const understand = (service: Service, text: string, signal?: AbortSignal) =>
  service.operations.understand!({ text }, context(signal)) as unknown as Promise<Understanding>;

let folder: string;
let encoder: OpenEncoder;
beforeAll(async () => {
  const modelsDir = join(cacheDir(), "models");
  await prepareModel(modelsDir);
  encoder = await openEncoder({ modelsDir });
  folder = await mkdtemp(join(tmpdir(), "language-thread-"));
}, 120_000);
afterAll(async () => {
  await encoder?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

let service: Service | undefined;
afterEach(() => service?.stop?.());

describe("the language agent in a thread", () => {
  it("reads messages as it does without one", async () => {
    expect(existsSync(ENTRY)).toBe(true);
    const options = { encoder, examples: EXAMPLES, cacheDir: folder };
    service = languageThread({ ...options, entry: ENTRY });
    await service.start!();
    const beside = languageService(options);
    await beside.start!();
    for (const text of [
      "Where's my parcel W1234567?",
      "please cancel it",
      "hello",
      "😀",
      "x".repeat(16_000),
    ]) {
      expect(await understand(service, text)).toEqual(await understand(beside, text));
    }
    expect(service.health!()).toEqual(beside.health!());
    await expect(service.operations.understand!({ text: 7 }, context())).rejects.toMatchObject({
      name: "AskError",
      code: "invalid",
    });
  }, 60_000);

  it("says when the encoder is down, and when it is back", async () => {
    let down = false;
    const failing: Encoder = {
      id: encoder.id,
      dimension: encoder.dimension,
      encode: (texts, signal) => (down ? Promise.reject(new Error("gone")) : encoder.encode(texts, signal)),
    };
    service = languageThread({ encoder: failing, examples: EXAMPLES, cacheDir: folder, entry: ENTRY });
    await service.start!();
    down = true;
    expect((await understand(service, "where is my order")).intent?.name).toBe("order_status");
    await expect.poll(() => service!.health!()).toMatchObject({ state: "degraded", reason: /gone/ });
    down = false;
    await understand(service, "where is it now");
    await expect.poll(() => service!.health!()).toMatchObject({ state: "up" });
  }, 60_000);

  /** An entry that answers with the text, hangs on some and dies on others. */
  const odd = async (): Promise<Service> => {
    const entry = join(folder, "odd.mjs");
    await writeFile(
      entry,
      `import { parentPort } from "node:worker_threads";
       parentPort.on("message", ({ kind, id, input }) => {
         if (kind !== "ask") return;
         if (input.text === "hang") for (;;);
         if (input.text === "die") process.exit(1);
         if (input.text !== "silence") parentPort.postMessage({ kind: "answer", id, value: { text: input.text } });
       });
       parentPort.postMessage({ kind: "ready", health: { state: "up" } });`,
    );
    service = languageThread({ encoder, examples: EXAMPLES, entry, stuckMs: 50 });
    await service.start!();
    return service;
  };

  it("is replaced when it hangs over a message, which times out", async () => {
    const thread = await odd();
    const asked = new AbortController();
    const hanging = understand(thread, "hang", asked.signal);
    asked.abort();
    await expect(hanging).rejects.toMatchObject({ code: "timeout", retryable: true });
    await expect.poll(() => understand(thread, "again").catch(() => undefined)).toEqual({ text: "again" });
  });

  it("is replaced when it dies: what it was asked can be asked again", async () => {
    const thread = await odd();
    const both = [understand(thread, "silence"), understand(thread, "die")];
    for (const ask of both) {
      await expect(ask).rejects.toMatchObject({ code: "unavailable", retryable: true });
    }
    expect(thread.health!()).toMatchObject({ state: "degraded" });
    await expect.poll(() => understand(thread, "again").catch(() => undefined)).toEqual({ text: "again" });
    expect(thread.health!()).toMatchObject({ state: "up" });
  });

  it("does not start where its first start fails", async () => {
    const entry = join(folder, "broken.mjs");
    await writeFile(entry, `throw new Error("no such thing");`);
    service = languageThread({ encoder, examples: EXAMPLES, entry });
    await expect(service.start!()).rejects.toThrow("no such thing");
  });
});
