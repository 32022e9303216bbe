import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openMemory } from "../../memory/index.ts";
import { startTestServer } from "../../runtime/bus/testing.ts";
import { type CompiledProgram, compileForNode } from "../../runtime/bus/testing-node.ts";
import { openKeyRing } from "../../runtime/log/keyring.ts";
import { examined, recovery } from "./recovery.ts";
import { WORKSPACE } from "./words.ts";

let program: CompiledProgram;
beforeAll(async () => {
  program = await compileForNode("bench/recovery/writer-process.ts");
}, 60_000);
afterAll(() => program?.remove());

it("a memory that is killed while it writes is afterwards the fold of its stream: a short run", async () => {
  const kills = await recovery({ entry: program.file, kills: 3, seed: "short" });
  expect(kills).toHaveLength(3);
  for (const { differences, lost, acknowledged, events } of kills) {
    expect(differences).toEqual([]);
    expect(lost).toBe(0);
    expect(acknowledged).toBeGreaterThan(10);
    expect(events).toBeGreaterThan(10);
  }
}, 180_000);

it("sees a copy that says it is further than it is", async () => {
  const home = mkdtempSync(join(tmpdir(), "bw-recovery-"));
  const server = await startTestServer();
  const bus = await server.connect();
  mkdirSync(join(home, "data"));
  const keys = await openKeyRing({ bus, workspace: WORKSPACE, dataDir: join(home, "data") });
  try {
    const [dir, ahead] = [join(home, "memory"), join(home, "ahead")];
    const stream = { bus, workspace: WORKSPACE };
    const memory = await openMemory({ dir, keys, knowledgeDirs: [], stream });
    const { operations } = memory.services.find(({ name }) => name === "memory")!;
    const context = { idempotencyKey: "k", deadline: 0, signal: AbortSignal.timeout(10_000) };
    const said = { customer: "ada", conversation: "c1", type: "note", text: "likes tea" };
    const { id } = await operations.remember!(said, context);
    await memory.close();
    // It has noted where the stream is, and not what is there.
    const [from, to] = [new Level<string, string>(dir), new Level<string, string>(ahead)];
    await to.put("stream!position", (await from.get("stream!position"))!);
    await from.close();
    await to.close();
    const kept = new Map([[`fact ada ${id}`, { customer: "ada", fact: String(id) }]]);
    const found = await examined({ bus, keys, dir: ahead, fresh: join(home, "fresh") }, kept);
    expect(found).toMatchObject({ lost: 1, differences: [expect.stringContaining("likes tea")] });
  } finally {
    keys.close();
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
});
