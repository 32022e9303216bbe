import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readJsonl } from "../jsonl.ts";
import { indexDocuments, scoreRetrieval } from "./evaluate.ts";

describe("scoreRetrieval", () => {
  it("counts by the book", async () => {
    const documents = [
      { id: "a", text: "apple banana" },
      { id: "b", text: "banana" },
      { id: "c", text: "cherry" },
    ];
    const index = await indexDocuments(documents, undefined, "lexical");
    const queries = [
      { id: "1", text: "cherry", relevant: ["c"] },
      { id: "2", text: "banana", relevant: ["a"] },
      { id: "3", text: "apple", relevant: ["b", "a"] },
      { id: "4", text: "nothing of that", relevant: ["a"] },
    ];
    expect(await scoreRetrieval(index, queries, undefined, [1, 2])).toMatchObject({
      "recall@1": (1 + 0 + 0.5 + 0) / 4,
      "recall@2": (1 + 1 + 0.5 + 0) / 4,
      mrr: (1 + 1 / 2 + 1 + 0) / 4,
    });
  });
});

describe("readJsonl", () => {
  it("names the line that is wrong", async () => {
    const dir = await mkdtemp(join(tmpdir(), "jsonl-"));
    const file = join(dir, "rows.jsonl");
    const schema = z.looseObject({ id: z.string() });
    try {
      await writeFile(file, '{"id":"a","more":1}\n\n{"id":2}\n');
      await expect(readJsonl(file, schema)).rejects.toThrow(/rows\.jsonl:3: id: /);
      await writeFile(file, '{"id":"a"}\nnonsense\n');
      await expect(readJsonl(file, schema)).rejects.toThrow(/rows\.jsonl:2: not JSON/);
      await writeFile(file, "\n");
      await expect(readJsonl(file, schema)).rejects.toThrow(/holds no line/);
      await expect(readJsonl(join(dir, "none"), schema)).rejects.toMatchObject({ exitCode: 2 });
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
