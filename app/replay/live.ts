/**
 * `replay --mode live`: scenario files through a fresh desk, any number of times; with `--verify` their actors are folded again,
 * with `--record` what happened is kept as recordings.
 */
import { relative } from "node:path";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { loadScenarios } from "../../scenarios/load.ts";
import { type Played, playAll } from "../../scenarios/player.ts";
import { saidIn } from "../../scenarios/transcript.ts";
import { openScenarioDesk, SHIPPED_SCENARIOS } from "../demo/shop.ts";
import { seconds, table } from "../demo/text.ts";
import { writeRecordings } from "./recordings.ts";
import { actorsOf, type Verified, verifiedJson, verifiedText } from "./verified.ts";
import { DeskVerifier, type VerifiedActor } from "./verify.ts";

export interface LiveOptions {
  /** How often they are played. Default 1. With `verify`, how often each actor is folded. Default 10. */
  readonly times?: number;
  readonly verify?: boolean;
  /** Folder that recordings of the first time are written into. */
  readonly record?: string;
}

/** One scenario, over all times that it was played. */
interface Replayed {
  readonly id: string;
  readonly status: Played["status"];
  readonly messages: number;
  readonly skillCalls: number;
  readonly transcriptHash: string;
  readonly stateHash: string;
  readonly firstDivergence?: string;
  readonly lostMessages: number;
  readonly duplicatedSkillCalls: number;
  readonly durationMs: number;
  /** Actors of this scenario alone. */
  readonly verified?: Verified;
}

const FOLDS = 10;

export async function replayLive(env: CliEnv, paths: readonly string[], options: LiveOptions): Promise<void> {
  const scenarios = loadScenarios(paths.length > 0 ? paths : [SHIPPED_SCENARIOS]);
  const progress = env.progress("replay");
  const runs: Played[][] = [];
  const startedAt = performance.now();
  let turnsMs = 0;
  const played = options.verify ? 1 : (options.times ?? 1);
  let actors: VerifiedActor[] | undefined;
  for (let time = 0; time < played; time++) {
    const desk = await openScenarioDesk(env, scenarios, { progress: (text) => progress.update(text) });
    try {
      const verifier = options.verify ? new DeskVerifier(desk, options.times ?? FOLDS) : undefined;
      const from = performance.now();
      runs.push(
        await playAll(scenarios, desk, {
          onDone: (done) => progress.update(`time ${time + 1} of ${played}`, done, scenarios.length),
        }),
      );
      turnsMs += performance.now() - from;
      if (options.record !== undefined && time === 0) {
        const ended = runs[0]!.filter(({ status }) => status === "passed");
        await writeRecordings(options.record, ended, desk, "written");
      }
      actors = await verifier?.verify({
        signal: env.signal(),
        progress: (what, done, all) => progress.update(what, done, all),
      });
    } finally {
      await desk.stop();
    }
    if (env.signal().aborted) break;
  }
  progress.end();
  const results = scenarios.map((s) =>
    over(
      runs.map((run) => run.find((p) => p.id === s.name)!),
      actors,
    ),
  );
  const verified = actors && verifiedJson(actors);
  const passed = results.filter((r) => r.status === "passed").length;
  const failed = results.length - passed;
  const turns = runs.flat().reduce((n, p) => n + p.turns, 0);
  const turnsPerSecond = Math.round((turns / (turnsMs / 1_000)) * 10) / 10;
  if (failed > 0 || (verified && verified.diverged.length > 0)) env.fail();
  env.out({ scenarios: results, passed, failed, turnsPerSecond, ...(verified && { verified }) }, () => {
    const c = env.colors;
    const rows = results.map((r) => [
      r.status === "passed" ? c.green("passed") : c.red(r.status),
      r.id,
      `${r.messages} messages`,
      `${r.skillCalls} calls`,
      seconds(r.durationMs),
      r.firstDivergence ? c.red(r.firstDivergence.replaceAll("\n", " ⏎ ")) : "",
    ]);
    return [
      table(rows, [2, 3, 4]),
      "",
      `  ${passed} passed, ${failed} failed, ${turnsPerSecond} turns a second, ${seconds(performance.now() - startedAt)}`,
      ...(verified ? verifiedText(verified, c) : []),
    ].join("\n");
  });
}

/** The same scenario must come to the same again. */
function over(played: readonly Played[], actors?: readonly VerifiedActor[]): Replayed {
  const first = played[0]!;
  const keys = (p: Played) => p.calls.length - new Set(p.calls.map((call) => call.key)).size;
  const verified = actors && verifiedJson(actorsOf(first, actors));
  const apart = verified?.diverged[0];
  const other = played.find((p) => p.transcriptHash !== first.transcriptHash);
  const bad = played.find((p) => p.status !== "passed");
  const divergence = bad
    ? (bad.error ?? `step ${bad.expectations.failed[0]!.step}: ${bad.expectations.failed[0]!.what}`)
    : other
      ? whereApart(first, other)
      : apart && `${apart.actor} diverges at record ${apart.seq} (${apart.type}), ${apart.which}`;
  return {
    id: first.id,
    status: bad ? bad.status : divergence ? "diverged" : "passed",
    messages: first.messages,
    skillCalls: first.calls.length,
    transcriptHash: first.transcriptHash,
    stateHash: first.stateHash,
    ...(divergence ? { firstDivergence: `${relative(process.cwd(), first.file)}: ${divergence}` } : {}),
    lostMessages: played.reduce((n, p) => n + p.unanswered, 0),
    duplicatedSkillCalls: played.reduce((n, p) => n + keys(p), 0),
    durationMs: Math.round(played.reduce((n, p) => n + p.durationMs, 0)),
    ...(verified && { verified }),
  };
}

function whereApart(a: Played, b: Played): string {
  const [said, again] = [saidIn(a.trace), saidIn(b.trace)];
  const at = said.findIndex((line, i) => line.text !== again[i]?.text);
  if (at < 0) return "played again, it called other skills";
  return `played again, it went apart at “${said[at]!.text}”: “${again[at]?.text ?? "nothing"}”`;
}
