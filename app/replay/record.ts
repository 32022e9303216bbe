/** `record`: a conversation of the running desk becomes a file that can be replayed. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { playbookDirs } from "../../actors/playbooks/index.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { FrozenDesk } from "../../scenarios/frozen/index.ts";
import { parseHeader, parseRecord, type Recording } from "../../scenarios/recording/recording.ts";

export interface RecordOptions {
  readonly out?: string;
  readonly raw?: boolean;
  readonly redact?: boolean;
}

export async function record(env: CliEnv, conversation: string, options: RecordOptions): Promise<void> {
  if (options.raw && options.redact)
    throw new UsageError("--raw and --redact say the opposite: leave one out");
  const path = `/v1/admin/conversations/${encodeURIComponent(conversation)}/recording?raw=${options.raw === true}`;
  const { lines } = await env.client().get<{ lines: string[] }>(path);
  const [first, ...rest] = lines.map((line) => JSON.parse(line) as unknown);
  const recording: Recording = {
    header: parseHeader(first, "header"),
    records: rest.map((line, i) => parseRecord(line, `record ${i + 1}`)),
  };
  const desk = new FrozenDesk({ playbooks: playbookDirs(env.config().playbooks) });
  const { status, divergence, messages, skillCalls } = await desk.play(recording).finally(() => desk.close());
  const file = resolve(options.out ?? `${conversation}.scenario.jsonl`);
  await writeFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  if (status !== "passed") {
    env.fail();
    env.err(`it does not replay: ${divergence?.what ?? status}`);
  }
  const replays = status === "passed";
  const { redacted } = recording.header;
  env.out(
    { file, conversation, records: recording.records.length, messages, skillCalls, redacted, replays },
    () =>
      [
        `${file}: ${recording.records.length} records, ${messages} messages, ${skillCalls} calls${redacted ? ", people replaced" : ""}`,
        ...(replays ? [`replay it: bin/bailiwick replay ${file}`] : []),
      ].join("\n"),
  );
}
