/** A conversation keeps the versions of playbooks that were current when it began (L11), over a restart and from the log alone. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { START_MS, say, TestedDesk } from "./testing.ts";
import { shopHours } from "./testing-playbook.ts";

/** Tells them on a second message. */
const hours = (version: number): string =>
  shopHours(
    version,
    `slots:
  day:
    type: text
    ask: Which day do you mean?
on: { failed: unclear, unclear: unclear, none: unclear }
steps:
  - ask: day
  - say: "By version ${version} of our hours we open at ${version + 7}."
  - end: resolved
  - id: unclear
    handoff: A colleague will tell you.
    reason: unclear
`,
  );

let desk: TestedDesk | undefined;
const dir = mkdtempSync(join(tmpdir(), "bw-playbooks-"));
afterEach(async () => {
  await desk?.remove();
  rmSync(dir, { recursive: true, force: true });
});

async function write(id: string, text: string): Promise<void> {
  const { status } = await desk!.call("POST", `/v1/conversations/${id}/messages`, { text });
  expect(status).toBe(202);
}

async function transcript(id: string): Promise<string> {
  return JSON.stringify((await desk!.call("GET", `/v1/conversations/${id}`)).body.transcript);
}

it(
  "an open conversation goes on in the version that it began with; a new one begins with the present one",
  async () => {
    writeFileSync(join(dir, "hours.yaml"), hours(1));
    desk = await TestedDesk.start({ playbooks: { dirs: [dir] } });
    const inside = await desk.conversation();
    expect(await say(inside, "when are you open?")).toContain("Which day");
    const before = await desk.conversation();
    expect(await say(before, "hello")).not.toBe("");

    writeFileSync(join(dir, "hours-2.yaml"), hours(2));
    await desk.restart();
    // Only now coming to it.
    await write(before.id, "when are you open?");
    await expect.poll(() => transcript(before.id)).toContain("Which day");
    await write(before.id, "monday");
    await expect.poll(() => transcript(before.id)).toContain("By version 1");
    const after = await desk.conversation();
    expect(await say(after, "when are you open?")).toContain("Which day");
    expect(await say(after, "monday")).toContain("By version 2");

    // In the middle of it, from the log alone.
    await desk.stop();
    rmSync(join(desk.dataDir, "engine"), { recursive: true });
    await desk.restart();
    await write(inside.id, "monday");
    await expect.poll(() => transcript(inside.id)).toContain("By version 1");
  },
  START_MS,
);
