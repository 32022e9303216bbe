/** `record`: conversations of the running desk become files that can be replayed. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { playbookDirs } from "../../actors/playbooks/index.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { FrozenDesk } from "../../scenarios/frozen/index.ts";
import { fetchRecording } from "./recordings.ts";

/** Which conversations: of those that are given, all have to hold. */
export interface RecordFilter {
  readonly outcome?: string;
  readonly intent?: string;
  readonly reason?: string;
  readonly channel?: string;
  readonly arm?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
}

export interface RecordOptions {
  /** A file for one conversation, a folder for several. */
  readonly out?: string;
  readonly raw?: boolean;
  readonly redact?: boolean;
}

interface Written extends JsonObject {
  readonly file: string;
  readonly conversation: string;
  readonly records: number;
  readonly messages: number;
  readonly skillCalls: number;
  readonly redacted: boolean;
  readonly replays: boolean;
}

export async function record(env: CliEnv, conversation: string, options: RecordOptions): Promise<void> {
  mustBeClear(options);
  const desk = frozenDesk(env);
  const file = resolve(options.out ?? `${conversation}.scenario.jsonl`);
  const written = await recorded(env, desk, { conversation, file, ...options }).finally(() => desk.close());
  env.out(written, () =>
    [lineOf(written), ...(written.replays ? [`replay it: bin/bailiwick replay ${file}`] : [])].join("\n"),
  );
}

/** All that are like something, a file each. What was written before an error or a Ctrl-C stays. */
export async function recordAll(env: CliEnv, filter: RecordFilter, options: RecordOptions): Promise<void> {
  mustBeClear(options);
  const { conversations, examined, cutOff } = await env
    .client()
    .get<{ conversations: { id: string }[]; examined: number; cutOff: number }>(
      `/v1/admin/recordings?${queryOf(filter)}`,
    );
  const folder = resolve(options.out ?? "recordings");
  if (conversations.length > 0) await mkdir(folder, { recursive: true, mode: 0o700 });
  const all: Written[] = [];
  const desk = frozenDesk(env);
  const progress = env.progress("record:");
  try {
    for (const { id: conversation } of conversations) {
      const file = join(folder, `${conversation}.scenario.jsonl`);
      all.push(await recorded(env, desk, { conversation, file, ...options }));
      progress.update(conversation, all.length, conversations.length);
    }
  } finally {
    progress.end();
    await desk.close();
  }
  const replay = all.filter(({ replays }) => replays).length;
  env.out({ folder, recordings: all, examined, cutOff }, () =>
    [
      ...all.map(lineOf),
      `${all.length} of ${examined} conversations that were looked at, ${replay} of them replay${cutOff > 0 ? `; of ${cutOff} the beginning has left the log` : ""}`,
      ...(all.length > 0 ? [`replay them: bin/bailiwick replay ${folder}`] : []),
    ].join("\n"),
  );
}

function mustBeClear({ raw, redact }: RecordOptions): void {
  if (raw && redact) throw new UsageError("--raw and --redact say the opposite: leave one out");
}

function frozenDesk(env: CliEnv): FrozenDesk {
  return new FrozenDesk({ playbooks: playbookDirs(env.config().playbooks) });
}

function queryOf({ since, until, ...like }: RecordFilter): string {
  const filter = { ...like, since: timeOf("since", since), until: timeOf("until", until) };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, String(value));
  return query.toString();
}

/** A day alone is its beginning, UTC. */
function timeOf(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(at.getTime())) return at.toISOString();
  throw new UsageError(`--${flag} ${text}: a time as 2026-11-30 or 2026-11-30T10:00:00Z`);
}

/** Fetches one, plays it, and writes it whether it replays or not. */
async function recorded(
  env: CliEnv,
  desk: FrozenDesk,
  {
    conversation,
    file,
    raw = false,
  }: RecordOptions & { readonly conversation: string; readonly file: string },
): Promise<Written> {
  const { recording, lines } = await fetchRecording(env.client(), conversation, raw);
  const { status, divergence, messages, skillCalls } = await desk.play(recording);
  await writeFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  const replays = status === "passed";
  if (!replays) {
    env.fail();
    env.err(`${conversation} does not replay: ${divergence?.what ?? status}`);
  }
  const { redacted } = recording.header;
  return { file, conversation, records: recording.records.length, messages, skillCalls, redacted, replays };
}

function lineOf({ file, records, messages, skillCalls, redacted }: Written): string {
  return `${file}: ${records} records, ${messages} messages, ${skillCalls} calls${redacted ? ", people replaced" : ""}`;
}
