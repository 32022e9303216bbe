/** Recorded runs of other agents, through this desk's own actors. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashJson } from "../../runtime/json.ts";
import { FrozenDesk } from "../frozen/index.ts";
import { type AgentRunResult, openRunDesk, playAgentRun, readAgentRuns, skillsOfRuns } from "./index.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "runs-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Message = Record<string, unknown>;
const says = (content: string): Message => ({ role: "user", content });
const answers = (content: string | null, calls: Message[] = []): Message => ({
  role: "assistant",
  content,
  ...(calls.length > 0 ? { tool_calls: calls } : {}),
});
const call = (id: string, name: string, given: object, requestor = "assistant"): Message => ({
  id,
  name,
  arguments: given,
  requestor,
});
const result = (id: string, content: string, more: Message = {}): Message => ({
  role: "tool",
  id,
  content,
  ...more,
});

/** Greets; looks two things up in one go with the same id; writes the same thing twice on purpose; is cut off at the end. */
function messages(): Message[] {
  return [
    answers("Hi! How can I help you today?"),
    says("Where is my plan? 555-123"),
    answers("\n", [call("c1", "get_user", { phone: "555-123" }), call("c1", "get_plan", { id: "P1" })]),
    result("c1", '{"name":"Ann"}'),
    result("c1", "Error: no such plan", { error: true }),
    answers(" Let me add data, as you asked. ", [
      call("c2", "refuel_data", { gb: 2 }),
      call("c2", "refuel_data", { gb: 2 }),
    ]),
    result("c2", "ok"),
    result("c2", "ok"),
    answers("Done."),
    { role: "user", content: "I'll look.", tool_calls: [call("u1", "run_speed_test", {}, "user")] },
    result("u1", "good"),
    says("It works, thanks. ###STOP###"),
  ];
}
/** Asks one thing more, and ends while the agent is at work. */
function others(): Message[] {
  return [
    says("Is it me? 555-999"),
    answers(null, [call("d1", "get_user", { phone: "555-999", fresh: true })]),
    result("d1", "{}"),
  ];
}

function file(name: string, ...runs: Message[][]): string {
  const path = join(dir, name);
  const lines = runs.map((list, n) =>
    JSON.stringify({ domain: "telecom", task_id: n, agent_llm: "m", messages: list }),
  );
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

async function play(path: string): Promise<AgentRunResult[]> {
  const runs = await readAgentRuns(path);
  const desk = await openRunDesk("telecom", skillsOfRuns(runs));
  try {
    const results: AgentRunResult[] = [];
    for (const run of runs) results.push(await playAgentRun(run, desk));
    return results;
  } finally {
    await desk.close();
  }
}

describe("a recorded run", () => {
  it("goes through conversation, model, data and task as it was recorded", async () => {
    const [run, other] = await play(file("good.jsonl", messages(), others()));
    expect(run).toMatchObject({
      id: "telecom-0-1",
      status: "passed",
      messages: 5,
      turns: 2,
      skillCalls: 4,
      lostMessages: 0,
      duplicatedSkillCalls: 0,
    });
    expect(other).toMatchObject({ id: "telecom-1-2", status: "passed", skillCalls: 1 });
    for (const kind of ["conversation", "channel", "model", "data", "task"])
      expect(run!.records[kind], kind).toBeGreaterThan(0);
    const of = (name: string, given: object) => ({ name, arguments: given });
    expect(run!.transcriptHash).toBe(
      hashJson([
        ["assistant", "Hi! How can I help you today?"],
        ["user", "Where is my plan? 555-123"],
        ["assistant", [of("get_user", { phone: "555-123" }), of("get_plan", { id: "P1" })]],
        ["assistant", " Let me add data, as you asked. "],
        ["assistant", [of("refuel_data", { gb: 2 }), of("refuel_data", { gb: 2 })]],
        ["assistant", "Done."],
        ["user", "I'll look."],
        ["user", [of("run_speed_test", {})]],
        ["user", "It works, thanks. ###STOP###"],
      ]),
    );
    // The same write twice has two keys, each of its place in the proposal, and each is carried out by a task.
    const { records } = run!.recording!;
    const asked = records.filter(
      ({ type, clear }) => type === "host.ask" && clear.operation === "refuel_data",
    );
    expect(new Set(asked.map(({ clear }) => clear.key)).size).toBe(2);
    for (const { from } of asked) expect(from.kind).toBe("task");
  }, 60_000);

  it("is a recording like any other: replayed frozen, through crashes, it comes to the same", async () => {
    const [run] = await play(file("again.jsonl", messages()));
    const desk = new FrozenDesk();
    try {
      const frozen = await desk.play(run!.recording!, { verify: true });
      expect(frozen).toMatchObject({ status: "passed", lostMessages: 0, duplicatedSkillCalls: 0 });
      const crashed = new FrozenDesk();
      const after = await crashed.play(run!.recording!, { crashEvery: 2 }).finally(() => crashed.close());
      expect(after).toMatchObject({ status: "passed", stateHash: frozen.stateHash, lostMessages: 0 });
      expect(after.crashes).toBeGreaterThan(5);
      // A call with another argument is another call, named where it is.
      const records = run!.recording!.records.map((record) =>
        record.type === "host.ask" && record.clear.operation === "refuel_data"
          ? { ...record, data: { ...record.data, input: { gb: 3 } } }
          : record,
      );
      const edited = await desk.play({ ...run!.recording!, records });
      expect(edited.divergence?.what).toContain("refuel_data");
    } finally {
      await desk.close();
    }
  }, 60_000);

  it.each([
    ["results are exchanged", (m: Message[]) => swap(m, 4, 6), 4, /that of another call \(c2, not c1\)/],
    ["a result is missing", (m: Message[]) => m.splice(4, 1), 4, /no result of get_plan/],
    [
      "an output is missing",
      (m: Message[]) => m.splice(8, 1),
      8,
      /the customer writes where the model had an output/,
    ],
    ["an output with calls is missing", (m: Message[]) => m.splice(2, 1), 2, /a result of no call/],
    ["an output says nothing", (m: Message[]) => m.splice(8, 1, answers(" ")), 8, /says and does nothing/],
    ["an output comes twice", (m: Message[]) => m.splice(8, 0, answers("Done.")), 9, /speaks again/],
  ])(
    "goes apart at that message, and no other run does, when %s",
    async (_what, change, message, what) => {
      const changed = messages();
      change(changed);
      const [good, bad, also] = await play(file("changed.jsonl", messages(), changed, others()));
      expect([good!.status, also!.status]).toEqual(["passed", "passed"]);
      expect(bad).toMatchObject({
        status: "diverged",
        divergence: { message, what: expect.stringMatching(what) },
      });
      expect(bad).not.toHaveProperty("recording");
    },
    60_000,
  );

  it.each([
    ["{", /bad\.jsonl:2: is no JSON/],
    ['{"domain":"telecom","task_id":1,"messages":[{"role":"robot"}]}', /bad\.jsonl:2: messages\.0\.role/],
    ['{"domain":"Telecom","task_id":1,"messages":[{"role":"user","content":"x"}]}', /bad\.jsonl:2: domain/],
  ])("is refused with file and line: %s", async (line, message) => {
    const path = file("bad.jsonl", messages());
    writeFileSync(path, `${line}\n`, { flag: "a" });
    await expect(readAgentRuns(path)).rejects.toThrow(message);
  });
});

function swap(list: Message[], a: number, b: number): void {
  [list[a], list[b]] = [list[b]!, list[a]!];
}
