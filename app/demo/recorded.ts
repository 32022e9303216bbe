/** `demo --input FILE`: the customers of recorded runs talk to a fresh desk that serves their company. */

import { basename, join } from "node:path";
import { digestOf, type Original, originals, originalsFolder } from "../../actors/skills/import/index.ts";
import { StageTally } from "../../bench/stage-tally.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { DependencyError, UsageError } from "../../runtime/config/errors.ts";
import {
  type ConversationChecker,
  type FactWorld,
  type Finding,
  hasFacts,
  readWorld,
  seeded,
  spoil,
  type Ways,
} from "../../scenarios/facts/index.ts";
import { extrasFor } from "../../scenarios/passers-by.ts";
import { type JudgedRun, judgeRun } from "../../scenarios/recorded/judge.ts";
import { type RecordedRun, readRuns } from "../../scenarios/recorded/tau2.ts";
import { chains, customersOf, remember } from "./afresh.ts";
import { sendCustomers } from "./customers.ts";
import type { JobResult } from "./job.ts";
import { openOwnDesk } from "./own-desk.ts";
import { budgetsJson, countFacts, latencyJson } from "./tally.ts";
import { countBy, cut, latencyTable, percent, seconds, table, warmth } from "./text.ts";

export interface RecordedOptions {
  readonly input: string;
  readonly limit?: number;
  readonly keep?: string;
  readonly concurrency: number;
  /** Conversations before the ones that count. */
  readonly warmUp: number;
  readonly seed: number;
  readonly breakFacts: boolean;
  /** Writes every conversation with its judgement into this file, JSON lines. */
  readonly transcripts?: string;
}

/** What the project promises of such a run. Shares of runs. */
const LIMITS = { unaskedHandoff: 0.25, firstRephrase: 0.25, detected: 0.95 };
const SPOILT_SHARE = 0.1;

interface Spoiling {
  spoilt: number;
  found: number;
  readonly missed: { harm: string; from: string; to: string; reply: string }[];
}

export async function demoRecorded(env: CliEnv, options: RecordedOptions): Promise<void> {
  const runs = await readRuns(options.input);
  const { domain, files, chosen, skipped } = await choose(env, runs, options);
  const folder = originalsFolder(env.dataDir(), domain);
  for (const { file, sha256 } of files) {
    if ((await digestOf(join(folder, file))) !== sha256) {
      throw new UsageError(`${join(folder, file)} was changed after its import: import it again`);
    }
  }
  const world = readWorld(files.map((f) => join(folder, f.file)));
  const progress = env.progress("demo");
  const desk = await openOwnDesk({
    config: env.config(),
    keep: options.keep,
    dataset: domain,
    originals: { folder, files },
    progress: (text) => progress.update(text),
  });
  const spoiling: Spoiling = { spoilt: 0, found: 0, missed: [] };
  let done: JobResult;
  let ways: Ways;
  try {
    // What verifies a customer is the company's to say, and came with its import.
    ways = (await desk.desk.backOffice.settings()).verification;
    const putBack = await remember(desk.desk.backOffice);
    const all = chosen.map((run) => ({ run, customers: customersOf(run, world, ways) }));
    const { url, adminToken, start, advance, fault, record } = desk;
    done = await sendCustomers(
      {
        access: { url, adminToken },
        start,
        concurrency: options.concurrency,
        extras: extrasFor(world, options.warmUp, new Set(all.flatMap((entry) => entry.customers))),
        chains: chains(all, (entry) => entry.customers).sort((a, b) => b.length - a.length),
      },
      { advance, fault, record, putBack },
      { signal: env.signal(), onDone: (n) => progress.update("conversations", n, chosen.length) },
    );
  } finally {
    progress.end();
    await desk.stop();
  }
  const through = options.breakFacts ? spoiler(world, seeded(options.seed), spoiling) : undefined;
  const today = new Date(desk.start).toISOString().slice(0, 10);
  const results = done.driven
    .sort((a, b) => a.run.line - b.run.line)
    .map((driven) => judgeRun(driven, world, { today, ways, through }));
  if (options.transcripts) await writeTranscripts(options.transcripts, results);
  report(env, options, { domain, results, skipped, spoiling, ms: done.ms });
}

/** Runs of the domain whose company was imported under its name. */
async function choose(env: CliEnv, runs: readonly RecordedRun[], { input, limit }: RecordedOptions) {
  const domains = [...new Set(runs.map((r) => r.domain))];
  const imported: [string, Original[]][] = [];
  for (const domain of domains) {
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(domain)) continue;
    const files = await originals(originalsFolder(env.dataDir(), domain));
    if (files.length > 0) imported.push([domain, files]);
  }
  const first = imported[0];
  if (!first) {
    throw new DependencyError(
      `${basename(input)} holds customers of ${domains.join(", ")}, and no such company was imported into ${env.dataDir()}: run bin/bailiwick import users.json orders.json products.json --into ${domains.includes("retail") ? "retail --map tau2-retail" : domains[0]}`,
    );
  }
  const [domain, files] = first;
  const chosen = runs
    .filter((r) => r.domain === domain && r.turns.length > 0)
    .slice(0, limit ?? Number.POSITIVE_INFINITY);
  const skipped = runs.filter((r) => r.domain !== domain).length;
  return { domain, files, chosen, skipped };
}

/** Stands between the desk and the checker and spoils one of ten replies that state something. */
function spoiler(world: FactWorld, random: () => number, spoiling: Spoiling) {
  return (checker: ConversationChecker, text: string): Finding[] => {
    const chosen = hasFacts(text) && random() < SPOILT_SHARE;
    const spoilt = chosen
      ? spoil(
          text,
          world,
          checker.customers.map((c) => c.id),
          random,
        )
      : undefined;
    if (!spoilt) return checker.deskSays(text);
    // What is spoilt must not spoil the judgement of later replies.
    const findings = checker.copy().deskSays(spoilt.text);
    const before = checker.deskSays(text);
    const bad = (list: readonly Finding[]) =>
      list.filter((f) => f.verdict === "wrong" || f.verdict === "foreign").length;
    spoiling.spoilt++;
    if (bad(findings) > bad(before)) spoiling.found++;
    else spoiling.missed.push({ harm: spoilt.harm, from: spoilt.from, to: spoilt.to, reply: spoilt.text });
    return findings;
  };
}

interface Outcome {
  readonly domain: string;
  readonly results: readonly JudgedRun[];
  readonly skipped: number;
  readonly spoiling: Spoiling;
  readonly ms: number;
}

function report(
  env: CliEnv,
  options: RecordedOptions,
  { domain, results, skipped, spoiling, ms }: Outcome,
): void {
  const tally = new StageTally();
  for (const r of results) tally.add(r.driven.stages);
  const measured = tally.percentiles();
  const held = tally.held();
  const facts = countFacts(results.flatMap(findingsOf));
  const turns = results.flatMap((r) => r.driven.turns);
  const handedOff = countBy(results.map((r) => r.driven.handoff?.reason ?? null));
  const ended = results.filter((r) => r.driven.handoff);
  const unasked = ended.filter((r) => !r.askedForPerson);
  const rephrase = results.filter((r) => r.firstIsRephrase);
  const verified = results.filter((r) => r.verified);
  const own = verified.filter((r) => r.ownFacts > 0);
  const asked = results.reduce((n, r) => n + r.asked, 0);
  const dropped = results.reduce((n, r) => n + r.driven.dropped, 0);
  const crashed = results.filter((r) => r.driven.crashed).length;
  const rate = spoiling.spoilt === 0 ? null : spoiling.found / spoiling.spoilt;
  const checks: [string, boolean][] = [
    [
      `hand-offs that nobody asked for: ${unasked.length} of ${results.length} (${percent(unasked.length, results.length)}), at most 25 %`,
      unasked.length <= LIMITS.unaskedHandoff * results.length,
    ],
    [
      `first replies that ask to rephrase: ${rephrase.length} of ${results.length} (${percent(rephrase.length, results.length)}), at most 25 %`,
      rephrase.length <= LIMITS.firstRephrase * results.length,
    ],
    [
      `messages without a reply: ${dropped}, conversations that crashed: ${crashed}`,
      dropped === 0 && crashed === 0,
    ],
  ];
  if (options.breakFacts) {
    checks.push([
      `spoilt replies found: ${spoiling.found} of ${spoiling.spoilt}, at least 95 %`,
      rate !== null && rate >= LIMITS.detected,
    ]);
  } else {
    checks.push([
      `facts that are wrong: ${facts.wrong}, of somebody else: ${facts.foreign}`,
      facts.wrong === 0 && facts.foreign === 0,
    ]);
  }
  const met = checks.filter(([, ok]) => ok).length;
  const json = {
    domain,
    conversations: results.length,
    turns: turns.length,
    answered: turns.filter((t) => t.answered).length - asked,
    asked,
    handedOff,
    unaskedHandoffs: unasked.length,
    firstRepliesToRephrase: rephrase.length,
    dropped,
    crashed,
    verified: verified.length,
    namedOwnOrder: results.filter((r) => r.namedOwnOrder).length,
    verifiedWithOwnFacts: own.length,
    expectations: {
      met,
      failed: checks.length - met,
      unmet: checks.filter(([, ok]) => !ok).map(([text]) => text),
    },
    facts,
    latencyMs: latencyJson(measured),
    budgets: budgetsJson(held),
    ...(options.breakFacts
      ? { broken: { replies: spoiling.spoilt, found: spoiling.found, rate, missed: spoiling.missed } }
      : {}),
    skipped,
    errors: results
      .filter((r) => r.driven.error)
      .map((r) => ({ line: r.driven.run.line, error: r.driven.error })),
    ms: Math.round(ms),
  };
  if (met < checks.length) env.fail();
  env.out(json, () => {
    const c = env.colors;
    const lines: string[] = [];
    lines.push(
      c.bold(`${results.length} recorded customers of ${domain}, ${turns.length} turns, ${seconds(ms)}`),
    );
    if (skipped > 0)
      lines.push(c.dim(`${skipped} runs of other companies were left out: nothing was imported for them`));
    lines.push(
      "",
      table(
        Object.entries(handedOff)
          .map(([reason, n]) => [`handed off: ${reason}`, String(n)])
          .concat([
            ["went on without a person", String(results.length - ended.length)],
            ["asked for a person", String(results.filter((r) => r.askedForPerson).length)],
            ["verified, by their own words", String(verified.length)],
            ["  and facts of an own order stated", String(own.length)],
            ["named an own order", String(json.namedOwnOrder)],
          ]),
        [1],
      ),
    );
    lines.push(
      "",
      table(
        [
          ["facts", "stated", "wrong", "foreign", "unclassified"].map((h) => c.dim(h)),
          ["", ...[facts.stated, facts.wrong, facts.foreign, facts.unclassified].map(String)],
        ],
        [1, 2, 3, 4],
      ),
    );
    const bad = results.flatMap((r) =>
      findingsOf(r)
        .filter((f) => !options.breakFacts && (f.verdict === "wrong" || f.verdict === "foreign"))
        .map((f) => ({ r, f })),
    );
    for (const { r, f } of bad.slice(0, 20))
      lines.push(c.red(`  line ${r.driven.run.line}: ${f.verdict} ${f.kind} “${f.text}” (${f.why})`));
    if (bad.length > 20) lines.push(c.red(`  and ${bad.length - 20} more`));
    for (const miss of spoiling.missed.slice(0, 10))
      lines.push(
        c.yellow(`  not found: ${miss.harm} ${miss.from} → ${miss.to} in “${cut(miss.reply, 100)}”`),
      );
    lines.push("", latencyTable(measured, held, c), warmth(options.warmUp, c), "");
    for (const [text, ok] of checks) lines.push(`  ${ok ? c.green("✓") : c.red("✗")} ${text}`);
    for (const r of results.filter((x) => x.driven.error).slice(0, 10))
      lines.push(c.red(`  line ${r.driven.run.line}: ${r.driven.error}`));
    if (options.keep)
      lines.push("", c.dim(`Kept in ${options.keep}: bin/bailiwick --data-dir ${options.keep} up`));
    return lines.join("\n");
  });
}

const findingsOf = (r: JudgedRun): Finding[] => r.findings.flat();

async function writeTranscripts(file: string, results: readonly JudgedRun[]): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  const lines = results.map(({ driven: { stages, ...driven }, ...judged }) =>
    JSON.stringify({ ...driven, ...judged }),
  );
  await writeFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
}
