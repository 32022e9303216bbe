/** Recorded runs of other agents: their customers' turns are sent to this desk. */
import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { z } from "zod";
import { UsageError } from "../../runtime/config/errors.ts";

export interface RecordedRun {
  /** Line of the file, from 1. */
  readonly line: number;
  readonly domain: string;
  readonly taskId: string;
  readonly agent: string;
  /** What the customer wrote, in order; without what only the simulator understands. */
  readonly turns: readonly string[];
  /** In one of these turns the simulated customer gave up on the machine. */
  readonly transferred: boolean;
}

const message = z.looseObject({ role: z.string(), content: z.unknown().optional() });
const run = z.looseObject({
  domain: z.string(),
  task_id: z.union([z.string(), z.number()]).transform(String),
  agent_llm: z.string().default("unknown"),
  messages: z.array(message),
});

/** Words of the simulator, such as `###STOP###`. */
const TOKEN = /#{2,}[A-Z][A-Z_ -]*#{2,}/g;

/** @param most turns of a run. @throws UsageError with the line */
export async function readRuns(file: string, most = 6): Promise<RecordedRun[]> {
  if (!existsSync(file)) throw new UsageError(`${file} does not exist`);
  const runs: RecordedRun[] = [];
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file, "utf8") })) {
    number++;
    if (line.trim() === "") continue;
    const wrong = (what: string): UsageError =>
      new UsageError(
        `${file}:${number}: ${what}. demo --input reads JSON lines, each a recorded run: {"domain", "task_id", "agent_llm", "messages": [{"role": "user", "content": …}]}`,
      );
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw wrong(`is no JSON (${(error as Error).message})`);
    }
    const parsed = run.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      throw wrong(`${issue.path.join(".") || "the line"}: ${issue.message}`);
    }
    runs.push(recordedRun(parsed.data, number, most));
  }
  if (runs.length === 0) throw new UsageError(`${file} holds no recorded runs`);
  return runs;
}

function recordedRun(data: z.output<typeof run>, line: number, most: number): RecordedRun {
  const turns: string[] = [];
  let transferred = false;
  for (const m of data.messages) {
    if (m.role !== "user" || typeof m.content !== "string") continue;
    if (turns.length >= most) break;
    if (m.content.includes("###TRANSFER###")) transferred = true;
    const text = m.content.replace(TOKEN, "").trim();
    if (text !== "") turns.push(text);
  }
  return { line, domain: data.domain, taskId: data.task_id, agent: data.agent_llm, turns, transferred };
}
