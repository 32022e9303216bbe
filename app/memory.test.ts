/** What a customer said once is known in his next conversation, also after a restart; erased, nobody can read it. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Customer } from "../actors/skills/backoffice/types.ts";
import { START_MS, say, TestedDesk } from "./testing.ts";

const WISH = "I prefer delivery to the locker behind the aquarium";
const ABOUT = "Which pick-up locker can you send my parcels to?";

let desk: TestedDesk;
let customer: Customer;
let other: Customer;
/** Where the wish was stated. */
let first: string;

beforeAll(async () => {
  desk = await TestedDesk.start();
  ({ customer } = await desk.customerWith((o) => o.status === "delivered"));
  ({ customer: other } = await desk.customerWith(
    (o) => o.status === "delivered" && o.customerId !== customer.id,
  ));
}, START_MS);
afterAll(() => desk?.remove());

const facts = async (id: string): Promise<any[]> =>
  (await desk.call("GET", `/v1/admin/memory/${id}/facts`)).body.facts;

describe("memory", () => {
  it("keeps a wish with its source, and brings it up in the next conversation where it matters", async () => {
    const driver = await desk.conversation(customer.id);
    first = driver.id;
    expect(await say(driver, `${WISH}.`)).toMatch(/remember/);
    const message = driver.sent.at(-1)!.messageId;
    await expect
      .poll(() => facts(customer.id))
      .toMatchObject([
        { type: "preference", text: WISH, source: { conversation: first, messageId: message } },
      ]);
    expect(await facts(other.id)).toEqual([]);

    const next = await desk.conversation(customer.id);
    const reply = await say(next, ABOUT);
    expect(reply).toContain(WISH);
    expect(reply).toMatch(/^On \d+ \p{L}+ \d{4} you told us: /mu);
  });

  it("brings it up for nobody else, and not before it is known who asks", async () => {
    expect(await say(await desk.conversation(other.id), ABOUT)).not.toMatch(/aquarium/);
    expect(await say(await desk.conversation(), ABOUT)).not.toMatch(/aquarium/);
    expect(await say(await desk.conversation(), "What do you know about me?")).not.toMatch(/aquarium/);
  });

  it(
    "lies nowhere on the disk in clear, and is still known after a restart",
    async () => {
      await desk.stop();
      expect(filesWith(desk.dataDir, ["aquarium", "locker behind"])).toEqual([]);
      // The search itself works: what is not personal is found.
      expect(filesWith(join(desk.dataDir, "memory"), ["fact!"])).not.toEqual([]);
      await desk.restart();
      const driver = await desk.conversation(customer.id);
      expect(await say(driver, ABOUT)).toContain(WISH);
      expect(await say(driver, "What do you know about me?")).toContain(WISH);
      expect(await facts(customer.id)).toMatchObject([{ source: { conversation: first } }]);
    },
    START_MS,
  );

  it(
    "is known again when its database is lost, and says how far it is",
    async () => {
      await desk.stop();
      rmSync(join(desk.dataDir, "memory"), { recursive: true });
      await desk.restart();
      await expect
        .poll(() => facts(customer.id))
        .toMatchObject([{ text: WISH, source: { conversation: first } }]);
      const { body } = await desk.call("GET", "/v1/admin/status");
      const { stream } = body.services.memory;
      expect(stream).toMatchObject({ rebuilding: false, unread: 0 });
      expect(stream.applied).toBeGreaterThan(0);
    },
    START_MS,
  );

  it(
    "erased, cannot be read by anybody, and is not learnt again from the log",
    async () => {
      const erased = await desk.call("DELETE", `/v1/admin/memory/${customer.id}`);
      expect(erased.body).toMatchObject({ erased: true, facts: 1 });
      const gone = async () => {
        expect(await facts(customer.id)).toEqual([]);
        const exported = await desk.call("GET", `/v1/admin/memory/${customer.id}/export`);
        expect(exported.body).toMatchObject({ facts: [], conversations: [] });
        const trace = await desk.call("GET", `/v1/admin/conversations/${first}/trace?data=true`);
        expect(trace.text).not.toMatch(/aquarium/);
        const state = await desk.call("GET", `/v1/conversations/${first}`);
        expect(state.text).not.toMatch(/aquarium/);
      };
      await gone();
      await desk.restart();
      await gone();
      expect(await say(await desk.conversation(other.id), "Where is my order?")).not.toBe("");
      // Whoever was erased is still served; nothing old comes up.
      const again = await desk.conversation(customer.id);
      expect(await say(again, ABOUT)).not.toMatch(/aquarium/);
    },
    START_MS,
  );
});

/** Files below a folder in which one of the words stands, in any of the encodings that text is written in. */
function filesWith(dir: string, words: readonly string[]): string[] {
  const needles = words.flatMap((word) => [Buffer.from(word), Buffer.from(word, "utf16le")]);
  const encoded = words.map((word) => Buffer.from(word).toString("base64").slice(1, -4));
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      const bytes = readFileSync(file);
      return needles.some((needle) => bytes.includes(needle)) || encoded.some((text) => bytes.includes(text));
    });
}
