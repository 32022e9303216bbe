import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadScenario } from "../load.ts";
import { nameOf, readTranscripts, scenarioYaml } from "./transcripts.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "transcripts-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

const CSV = `conversation,speaker,text
Chat 1,customer,"Where is my order, please?
It was: two lamps"
Chat 1,agent,Which one is it?
Chat 2,agent,"Hello, anybody there?"
Chat 1,Customer,# W1002003
Chat 1,agent,On its way.
`;

describe("transcripts", () => {
  it("of CSV and of JSON lines become scenarios that load, with what was answered beside them", () => {
    const [first, second] = readTranscripts(file("chats.csv", CSV));
    expect(first!.lines.map(({ speaker }) => speaker)).toEqual(["customer", "other", "customer", "other"]);
    const yaml = scenarioYaml("chat-1", first!, "chats.csv")!;
    expect(yaml).toContain("# was answered: Which one is it?");
    expect(yaml).toContain("# was answered: On its way.");
    const { name, steps } = loadScenario(file("chat-1.scenario.yaml", yaml));
    expect({ name, steps }).toEqual({
      name: "chat-1",
      steps: [{ customer: "Where is my order, please?\nIt was: two lamps" }, { customer: "# W1002003" }],
    });
    // A conversation in which no customer wrote is no scenario.
    expect(scenarioYaml("chat-2", second!, "chats.csv")).toBeUndefined();
    const lines = [
      { conversation: 7, role: "user", content: "Hi" },
      { conversation: 7, role: "assistant", content: "Hello!" },
    ];
    const [seventh] = readTranscripts(
      file("chats.jsonl", lines.map((line) => JSON.stringify(line)).join("\n")),
    );
    expect(seventh).toEqual({
      conversation: "7",
      lines: [
        { speaker: "customer", text: "Hi" },
        { speaker: "other", text: "Hello!" },
      ],
    });
  });

  it("have names that scenarios may have", () => {
    expect(nameOf("Chat #12 / März")).toBe("chat-12-m-rz");
    expect(nameOf("???")).toBe("transcript");
  });

  it.each([
    ["a.csv", "conversation,speaker\n1,customer\n", /a\.csv:2: text: .*needs conversation, speaker/],
    ["b.csv", "conversation,speaker,text\n1,agent,Hello\n", /no line is a customer's/],
    ["c.csv", 'conversation,speaker,text\n1,customer,"open\n', /c\.csv:\d+: .*[Qq]uote/],
    ["d.jsonl", '{"conversation":1,"role":"user","content":"x"}\n{\n', /d\.jsonl:2: is no JSON/],
    ["e.jsonl", "3\n", /e\.jsonl:1: is no object/],
  ])("that are none are refused with file and line: %s", (name, text, message) => {
    expect(() => readTranscripts(file(name, text))).toThrow(message);
  });
});
