import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openMemory } from "../index.ts";
import { LocalKeyRing } from "../store/local-keys.ts";
import { askAll, keepTurns, scoreMemory } from "./evaluate.ts";

it("asks each question of its own conversation's turns, over all sessions", async () => {
  const dir = await mkdtemp(join(tmpdir(), "memory-eval-"));
  const memory = await openMemory({ dir, keys: new LocalKeyRing(), knowledgeDirs: [] });
  try {
    const turns = [
      { id: "x/1", conversation: "x y", session: "first session", speaker: "Ann", text: "I bought a canoe" },
      { id: "x/2", conversation: "x y", session: 2, speaker: "Ben", text: "The canoe leaks" },
      { id: "z/1", conversation: "z", at: "2023-05-08T13:56:00Z", text: "A canoe of mine" },
      ...Array.from({ length: 120 }, (_, i) => ({ id: `z/f${i}`, conversation: "z", text: `filler ${i}` })),
    ];
    let kept = 0;
    const places = await keepTurns(memory, turns, (done) => {
      kept = done;
    });
    expect(kept).toBe(turns.length);
    const questions = [
      { id: "q1", conversation: "x y", text: "canoe", evidence: ["x/1", "x/2"], category: "both" },
      { id: "q2", conversation: "z", text: "canoe", evidence: ["z/1", "z/f7"] },
    ];
    const { found } = await askAll(memory, places, questions, 10);
    expect(new Set(found[0])).toEqual(new Set(["x/1", "x/2"]));
    expect(found[1]![0]).toBe("z/1");
    expect(scoreMemory(questions, [found[0]!, ["z/f1", "z/1"]], [1, 2])).toEqual({
      "recall@1": 0.25,
      "recall@2": 0.75,
      byCategory: { both: { "recall@1": 0.5, "recall@2": 1 } },
    });
  } finally {
    await memory.close();
    await rm(dir, { recursive: true });
  }
});
