import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OpenEncoder, openEncoder, prepareModel } from "../../memory/encoder/index.ts";
import { cacheDir } from "../../runtime/config/paths.ts";
import type { Service } from "../../runtime/host/service.ts";
import { languageService } from "./service.ts";
import type { Encoder, Grounding, Understanding } from "./types.ts";

const EXAMPLES = Object.entries({
  order_status: [
    "where is my order",
    "has my order shipped yet",
    "when will my parcel arrive",
    "track my order W1234567",
    "what's the status of my order",
    "my delivery is late, where is it",
    "can you check where my package is",
    "any news about my parcel?",
  ],
  cancel_order: [
    "cancel my order",
    "I want to cancel order W1234567",
    "please cancel the order I placed yesterday",
    "I changed my mind, cancel my purchase",
    "can I still cancel it before it ships",
    "stop my order, I don't need it any more",
    "I ordered by mistake, cancel it please",
    "is it possible to cancel an order",
  ],
  exchange: [
    "I'd like to exchange it for another size",
    "swap the red one for a blue one",
    "can I exchange my shoes",
    "replace it with a bigger model",
    "I want a different colour instead",
    "exchange the lamp for another one",
    "it's too small, I need the next size up",
    "how do I swap an item of my order",
  ],
}).flatMap(([intent, texts]) => texts.map((text) => ({ intent, text })));

const modelsDir = join(cacheDir(), "models");
const context = { idempotencyKey: "k", deadline: Date.now() + 60_000, signal: new AbortController().signal };
let encoder: OpenEncoder;
let folder: string;
let service: Service;

const understand = async (text: string, more: object = {}, of: Service = service): Promise<Understanding> =>
  (await of.operations.understand!({ text, ...more }, context)) as unknown as Understanding;

beforeAll(async () => {
  await prepareModel(modelsDir);
  encoder = await openEncoder({ modelsDir });
  folder = await mkdtemp(join(tmpdir(), "language-"));
  service = languageService({ encoder, examples: EXAMPLES, cacheDir: folder });
  await service.start!();
}, 120_000);

afterAll(async () => {
  await encoder?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe("understanding", () => {
  test.each([
    ["Where's my parcel?", "order_status"],
    ["please cancel W7654321", "cancel_order"],
    ["I wnat to cancle my ordre", "cancel_order"],
    ["can I swap the boots for a larger pair", "exchange"],
    ["hello", "greet"],
    ["thanks a lot", "thanks"],
    ["let me talk to a human", "talk_to_person"],
  ])("%s → %s", async (text, intent) => {
    expect((await understand(text)).intent?.name).toBe(intent);
  });

  test("what no desk answers has no intent", async () => {
    expect((await understand("who won the world cup in 1998?")).intent).toBeNull();
    expect((await understand("😀😀")).intent).toBeNull();
    expect((await understand("   ")).signals.empty).toBe(true);
  });

  test("several requests, in their order, among other sentences", async () => {
    const u = await understand(
      "Hi there! I hope you are well. Could you tell me where my order W1234567 is? Also, I want to cancel the order W7654321. Thanks!",
    );
    expect(u.requests.map((r) => r.intent)).toEqual(["order_status", "cancel_order"]);
    expect(u.requests[1]!.text).toContain("W7654321");
    expect(u.entities.filter((e) => e.type === "order_number").map((e) => e.value)).toEqual([
      "W1234567",
      "W7654321",
    ]);
  });

  test("a wish for a person in case all else fails is none", async () => {
    const u = await understand(
      "Where is my order? If you can't help with this, please transfer me to a human.",
    );
    expect(u.requests.map((r) => r.intent)).toEqual(["order_status"]);
  });

  test("masks stay the same over a conversation", async () => {
    await understand("mail a@example.com", { conversation: "c1" });
    expect((await understand("no, b@example.com, not a@example.com", { conversation: "c1" })).masked).toBe(
      "no, <EMAIL_2>, not <EMAIL_1>",
    );
  });

  test("expecting takes bare values, now makes days out of words", async () => {
    const u = await understand("mei davis, since yesterday", {
      expecting: ["name"],
      now: Date.UTC(2024, 4, 15),
    });
    expect(u.entities.map((e) => [e.type, e.value])).toContainEqual(["date", "2024-05-14"]);
  });

  test("10,000 characters and odd ones", async () => {
    const u = await understand(`${"where is my order ".repeat(550)}\u0000\u202e`);
    expect(u.intent?.name).toBe("order_status");
    expect(u.signals.controlCharacters).toBe(true);
  });

  test("wrong input is refused, not retried", async () => {
    await expect(understand(5 as unknown as string)).rejects.toMatchObject({
      code: "invalid",
      retryable: false,
    });
  });
});

test("ground", async () => {
  const answer = (await service.operations.ground!(
    { text: "It costs $5.", evidence: ["The price is $6."] },
    context,
  )) as unknown as Grounding;
  expect(answer).toMatchObject({ ok: false, unsupported: [{ kind: "amount", value: "5.00 USD" }] });
});

test("the trained classifier is kept, and a damaged file is trained anew", async () => {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".bin"));
  expect(files).toHaveLength(1);
  const counting = count(encoder);
  const second = languageService({ encoder: counting, examples: EXAMPLES, cacheDir: folder });
  await second.start!();
  expect(counting.calls).toBe(0);
  const [a, b] = [await understand("swap my lamp"), await understand("swap my lamp", {}, second)];
  expect(b.intent).toEqual(a.intent);

  const shipped = languageService({ encoder: counting, examples: EXAMPLES, shippedDir: folder });
  await shipped.start!();
  expect(counting.calls).toBe(0);

  await writeFile(join(folder, files[0]!), "bwin0001 damaged");
  const third = languageService({ encoder: counting, examples: EXAMPLES, cacheDir: folder });
  await third.start!();
  expect(counting.calls).toBeGreaterThan(0);
  expect((await understand("swap my lamp", {}, third)).intent).toEqual(a.intent);
}, 60_000);

test("while the encoder is down, words decide and the state says so", async () => {
  let down = false;
  const failing: Encoder = {
    id: encoder.id,
    dimension: encoder.dimension,
    encode: (texts, signal) => (down ? Promise.reject(new Error("gone")) : encoder.encode(texts, signal)),
  };
  const degraded = languageService({ encoder: failing, examples: EXAMPLES, cacheDir: folder });
  await degraded.start!();
  expect(degraded.health!()).toMatchObject({ state: "up" });
  down = true;
  expect((await understand("where is my order", {}, degraded)).intent?.name).toBe("order_status");
  expect(degraded.health!()).toMatchObject({ state: "degraded" });
  down = false;
  await understand("where is it now", {}, degraded);
  expect(degraded.health!()).toMatchObject({ state: "up" });
}, 60_000);

/** Counts what only training asks for: many texts at once. */
function count(real: Encoder): Encoder & { calls: number } {
  return {
    id: real.id,
    dimension: real.dimension,
    calls: 0,
    encode(texts, signal) {
      if (texts.length > 20) this.calls++;
      return real.encode(texts, signal);
    },
  };
}
