/**
 * `replay --format tau2`: recorded runs of other agents. Each is driven once through the desk's own actors, with its recorded model
 * and results; what that comes to is a recording like any other, and is replayed frozen.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import {
  type AgentRun,
  type AgentRunResult,
  openRunDesk,
  playAgentRun,
  readAgentRuns,
  skillsOfRuns,
} from "../../scenarios/agent-runs/index.ts";
import { RECORDING } from "../../scenarios/recording/files.ts";
import { type FrozenFlags, playAll, type Replayed, show } from "./frozen.ts";
import { writeRecording } from "./recordings.ts";

export async function replayRuns(env: CliEnv, paths: readonly string[], flags: FrozenFlags): Promise<void> {
  if (paths.length === 0) throw new UsageError("--format tau2 needs the file of the runs");
  const runs: AgentRun[] = [];
  for (const path of paths) runs.push(...(await readAgentRuns(path)));
  const { out, ...frozen } = flags;
  const dir = out ?? (await mkdtemp(join(tmpdir(), "bailiwick-runs-")));
  try {
    const driven = await drive(env, runs, dir);
    const good = driven
      .filter(({ status }) => status === "passed")
      .map(({ id }) => join(dir, `${id}${RECORDING}`));
    const again = good.length > 0 && !env.signal().aborted ? await playAll(env, good, frozen) : NOTHING;
    const byId = new Map(again.scenarios.map((scenario) => [scenario.id, scenario]));
    const scenarios = driven.map((result, i) => both(result, byId.get(result.id), where(runs[i]!, paths)));
    const perTurn = recordsPerTurn(driven);
    show(env, { ...again, scenarios }, flags, {
      json: { recordsPerTurn: perTurn },
      lines: [
        `  records a turn: ${Object.entries(perTurn)
          .map(([kind, n]) => `${kind} ${n}`)
          .join(", ")}`,
      ],
    });
  } finally {
    if (out === undefined) await rm(dir, { recursive: true, force: true });
  }
}

const NOTHING = { scenarios: [], turns: 0, ms: 0, crashes: 0, kills: 0 };

/** Domain by domain, each with the skills that its runs call. */
async function drive(env: CliEnv, runs: readonly AgentRun[], dir: string): Promise<AgentRunResult[]> {
  const progress = env.progress("replay");
  const results = new Map<AgentRun, AgentRunResult>();
  for (const domain of new Set(runs.map((run) => run.domain))) {
    const own = runs.filter((run) => run.domain === domain);
    const desk = await openRunDesk(domain, skillsOfRuns(own));
    try {
      for (const run of own) {
        if (env.signal().aborted) break;
        const { recording, ...result } = await playAgentRun(run, desk);
        if (recording) await writeRecording(dir, recording);
        results.set(run, result);
        progress.update("through the desk's actors", results.size, runs.length);
      }
    } finally {
      await desk.close();
    }
  }
  progress.end();
  return runs.flatMap((run) => results.get(run) ?? []);
}

/** How it went through the actors, and then frozen. The transcript is that of the run. */
function both(result: AgentRunResult, again: Replayed | undefined, file: string): Replayed {
  const { divergence, records: _, recording: __, ...own } = result;
  const apart = divergence && `${file}: ${result.id} at message ${divergence.message}: ${divergence.what}`;
  const firstDivergence = apart ?? again?.firstDivergence;
  return {
    ...own,
    file,
    status: own.status === "passed" && again ? again.status : own.status,
    stateHash: again?.stateHash ?? "",
    lostMessages: own.lostMessages + (again?.lostMessages ?? 0),
    duplicatedSkillCalls: own.duplicatedSkillCalls + (again?.duplicatedSkillCalls ?? 0),
    durationMs: again?.durationMs ?? 0,
    ...(firstDivergence === undefined ? {} : { firstDivergence }),
  };
}

function where({ file, line }: AgentRun, paths: readonly string[]): string {
  const path = paths.find((each) => each.endsWith(file)) ?? file;
  return `${relative(process.cwd(), path)}:${line}`;
}

/** By the kind of actor, over all runs, to two places. */
function recordsPerTurn(results: readonly AgentRunResult[]): Record<string, number> {
  const turns = Math.max(
    1,
    results.reduce((sum, { turns }) => sum + turns, 0),
  );
  const sums: Record<string, number> = {};
  for (const { records } of results)
    for (const [kind, n] of Object.entries(records)) sums[kind] = (sums[kind] ?? 0) + n;
  return Object.fromEntries(
    Object.entries(sums)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, n]) => [kind, Math.round((n / turns) * 100) / 100]),
  );
}
