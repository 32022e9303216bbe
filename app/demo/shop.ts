/** `demo`: the shipped scenarios through a fresh desk of the shipped company. */

import { relative } from "node:path";
import type { BackOffice } from "../../actors/skills/backoffice/index.ts";
import { COLLECTIONS } from "../../actors/skills/backoffice/index.ts";
import { StageTally } from "../../bench/stage-tally.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { asset } from "../../runtime/config/paths.ts";
import type { JsonObject } from "../../runtime/json.ts";
import {
  ConversationChecker,
  type FactWorld,
  type Finding,
  type Ways,
  worldOf,
} from "../../scenarios/facts/index.ts";
import { isExclusive, type Scenario } from "../../scenarios/format.ts";
import { givenRecords } from "../../scenarios/given.ts";
import { loadScenarios } from "../../scenarios/load.ts";
import { extrasFor } from "../../scenarios/passers-by.ts";
import type { Played } from "../../scenarios/player.ts";
import { asksBack } from "../../scenarios/recorded/classify.ts";
import { stagesOf } from "../../scenarios/stages.ts";
import { saidIn } from "../../scenarios/transcript.ts";
import { sendCustomers } from "./customers.ts";
import type { JobResult } from "./job.ts";
import { type OwnDesk, type OwnDeskOptions, openOwnDesk } from "./own-desk.ts";
import { budgetsJson, countFacts, latencyJson } from "./tally.ts";
import { countBy, latencyTable, seconds, table, warmth } from "./text.ts";

export const SHIPPED_SCENARIOS = asset("scenarios", "shop");

export interface ShopOptions {
  readonly paths?: readonly string[];
  readonly limit?: number;
  readonly keep?: string;
  readonly concurrency: number;
  /** Conversations before the ones that count. */
  readonly warmUp: number;
}

export async function demoShop(env: CliEnv, options: ShopOptions): Promise<void> {
  const all = loadScenarios(options.paths?.length ? options.paths : [SHIPPED_SCENARIOS]);
  const scenarios = all.slice(0, options.limit ?? all.length);
  const progress = env.progress("demo");
  const desk = await openScenarioDesk(env, scenarios, {
    keep: options.keep,
    progress: (text) => progress.update(text),
  });
  let done: JobResult;
  let world: FactWorld;
  try {
    world = await exported(desk.desk.backOffice);
    const { url, adminToken, start, advance, fault, record } = desk;
    done = await sendCustomers(
      {
        access: { url, adminToken },
        start,
        concurrency: options.concurrency,
        scenarios,
        extras: extrasFor(world, options.warmUp, customersOf(scenarios, world)),
      },
      { advance, fault, record, putBack: async () => {} },
      { signal: env.signal(), onDone: (n) => progress.update("conversations", n, scenarios.length) },
    );
  } finally {
    progress.end();
    await desk.stop();
  }
  report(env, options, { scenarios, played: done.played, world, desk, ms: done.ms });
}

/** Customers whom a scenario speaks of: by id, e-mail address or order number. */
function customersOf(scenarios: readonly Scenario[], world: FactWorld): Set<string> {
  const text = JSON.stringify(scenarios.map(({ given, steps }) => [given, steps]));
  const named = new Set<string>();
  for (const c of world.customers.values()) {
    if (text.includes(`"${c.id}"`) || text.toLowerCase().includes(c.email)) named.add(c.id);
  }
  for (const o of world.orders.values()) if (text.includes(o.id)) named.add(o.customerId);
  return named;
}

/** A fresh desk that has the records that these scenarios need. */
export function openScenarioDesk(
  env: CliEnv,
  scenarios: readonly Scenario[],
  options: Pick<OwnDeskOptions, "keep" | "progress" | "at">,
): Promise<OwnDesk> {
  return openOwnDesk({
    config: env.config(),
    ...options,
    prepare: async (office, start) => {
      const load = await office.load();
      for (const { collection, record } of givenRecords(scenarios, start)) await load.put(collection, record);
      await load.commit();
    },
  });
}

/** The company as JSON, read by the checker as it reads an import. */
export async function exported(office: BackOffice): Promise<FactWorld> {
  const parts = await Promise.all(
    Object.keys(COLLECTIONS).map(async (name) => ({
      file: `${name}.json`,
      records: JSON.parse(JSON.stringify(await office.list(name))) as JsonObject[],
    })),
  );
  return worldOf(parts);
}

interface Judged {
  readonly played: Played;
  readonly findings: readonly Finding[];
  readonly answered: number;
  readonly asked: number;
  readonly dropped: number;
}

function judge(played: Played, scenario: Scenario, world: FactWorld, ways: Ways, today: string): Judged {
  const { vouched, customer } = scenario.given;
  const checker = new ConversationChecker(world, {
    ways,
    today,
    vouched: vouched ? customer?.id : undefined,
  });
  // An earlier conversation is remembered, with what was said and done in it.
  for (const line of played.before) {
    if (line.role === "desk") checker.deskSays(line.text);
    else checker.customerSays(line.text);
  }
  const findings: Finding[] = [];
  const said = saidIn(played.trace);
  const counts = { answered: 0, asked: 0, dropped: 0 };
  for (const [i, line] of said.entries()) {
    if (line.role === "customer") {
      checker.customerSays(line.text);
      const reply = said.slice(i + 1).find((s) => s.role !== "customer");
      if (!line.taken) counts.dropped++;
      else if (reply?.role === "desk" && asksBack(reply.text)) counts.asked++;
      else counts.answered++;
    } else if (line.role === "desk") findings.push(...checker.deskSays(line.text));
    else checker.customerSays(line.text);
  }
  return { played, findings, ...counts };
}

interface Result {
  readonly scenarios: readonly Scenario[];
  readonly played: readonly Played[];
  readonly world: FactWorld;
  readonly desk: OwnDesk;
  readonly ms: number;
}

function report(env: CliEnv, options: ShopOptions, { scenarios, played, world, desk, ms }: Result): void {
  const byName = new Map(scenarios.map((s) => [s.name, s]));
  const ways = env.config().verification.accept as Ways;
  const today = new Date(desk.start).toISOString().slice(0, 10);
  const judged = played.map((p) => judge(p, byName.get(p.id)!, world, ways, today));
  const tally = new StageTally();
  for (const p of played) {
    // Those whose systems fail or whose time is moved are alone on the desk, and slow by intent.
    if (isExclusive(byName.get(p.id)!)) continue;
    tally.add(stagesOf(p.trace));
    tally.add(p.acceptMs.map((value) => ({ stage: "accept", ms: value })));
    tally.add(p.turnMs.map((value) => ({ stage: "turn", ms: value })));
  }
  const measured = tally.percentiles();
  const held = tally.held();
  const facts = countFacts(judged.flatMap((j) => j.findings));
  const sum = (of: (j: Judged) => number) => judged.reduce((n, j) => n + of(j), 0);
  const passed = played.filter((p) => p.status === "passed");
  const coverage = coverageOf(scenarios, passed);
  const met = played.reduce((n, p) => n + p.expectations.met, 0);
  const unmet = played.flatMap((p) => [
    ...p.expectations.failed.map((f) => ({
      file: relative(process.cwd(), p.file),
      step: f.step,
      what: f.what,
    })),
    ...(p.error ? [{ file: relative(process.cwd(), p.file), step: 0, what: p.error }] : []),
  ]);
  const handedOff = countBy(played.map((p) => p.handoff));
  const outcomes = countBy(played.map((p) => p.outcome ?? "open"));
  const dropped = sum((j) => j.dropped);
  const crashed = played.filter(
    (p) => p.error !== undefined || p.trace.some((r) => r.type === "host.quarantined"),
  ).length;
  const json = {
    conversations: played.length,
    turns: played.reduce((n, p) => n + p.turns, 0),
    answered: sum((j) => j.answered),
    asked: sum((j) => j.asked),
    handedOff,
    dropped,
    crashed,
    outcomes,
    expectations: { met, failed: unmet.length, unmet },
    facts,
    coverage,
    latencyMs: latencyJson(measured),
    slowest: played
      .filter((p) => !isExclusive(byName.get(p.id)!))
      .flatMap((p) => p.turnMs.map((value, i) => ({ scenario: p.id, turn: i + 1, ms: Math.round(value) })))
      .sort((a, b) => b.ms - a.ms)
      .slice(0, 10),
    budgets: budgetsJson(held),
    ms: Math.round(ms),
  };
  if (unmet.length + dropped + crashed + facts.wrong + facts.foreign > 0) env.fail();
  env.out(json, () => {
    const c = env.colors;
    const lines = [c.bold(`${played.length} recorded customers, ${json.turns} turns, ${seconds(ms)}`), ""];
    const rows = [
      ["about", "customers", "as expected", "resolved", "handed off", "abandoned", "open"].map((h) =>
        c.dim(h),
      ),
    ];
    for (const [about, group] of grouped(played, byName)) {
      const n = (outcome: string) =>
        String(group.filter((p) => (p.outcome ?? "open") === outcome).length || "");
      const ok = group.filter((p) => p.status === "passed").length;
      const share = `${ok}`;
      rows.push([
        about,
        String(group.length),
        ok === group.length ? c.green(share) : c.red(share),
        n("resolved"),
        n("handed_off"),
        n("abandoned"),
        n("open"),
      ]);
    }
    lines.push(table(rows, [1, 2, 3, 4, 5, 6]), "");
    lines.push(
      `  hand-offs: ${
        Object.entries(handedOff)
          .map(([reason, n]) => `${reason} ${n}`)
          .join(", ") || "none"
      }`,
    );
    lines.push(
      `  facts: ${facts.stated} stated, ${facts.wrong} wrong, ${facts.foreign} of somebody else, ${facts.unclassified} not classified`,
    );
    lines.push(
      `  coverage: ${coverage.paths} distinct paths; ${coverage.both.length} of ${coverage.playbooks} playbooks both succeed and fail${coverage.onlyOne.length > 0 ? ` (not yet: ${coverage.onlyOne.join(", ")})` : ""}`,
    );
    lines.push("", latencyTable(measured, held, c), warmth(options.warmUp, c), "");
    for (const { played: p, findings } of judged) {
      for (const f of findings.filter((x) => x.verdict === "wrong" || x.verdict === "foreign")) {
        lines.push(c.red(`  ${p.id}: ${f.verdict} ${f.kind} “${f.text}” (${f.why})`));
      }
    }
    for (const u of unmet)
      lines.push(`  ${c.red("✗")} ${u.file}, step ${u.step}: ${u.what.replaceAll("\n", " ⏎ ")}`);
    if (unmet.length === 0) lines.push(`  ${c.green("✓")} all ${met} expectations met`);
    if (options.keep)
      lines.push("", c.dim(`Kept in ${options.keep}: bin/bailiwick --data-dir ${options.keep} up`));
    return lines.join("\n");
  });
}

function coverageOf(scenarios: readonly Scenario[], passed: readonly Played[]) {
  const names = new Set(passed.map((p) => p.id));
  const ends = new Map<string, Set<string>>();
  for (const { name, playbook, ends: end } of scenarios) {
    if (!playbook) continue;
    const seen = ends.get(playbook) ?? new Set();
    if (end && names.has(name)) seen.add(end);
    ends.set(playbook, seen);
  }
  const both = [...ends].filter(([, seen]) => seen.size === 2).map(([playbook]) => playbook);
  return {
    paths: new Set(passed.map((p) => p.path)).size,
    playbooks: ends.size,
    both,
    onlyOne: [...ends.keys()].filter((playbook) => !both.includes(playbook)),
  };
}

function grouped(played: readonly Played[], byName: ReadonlyMap<string, Scenario>): [string, Played[]][] {
  const groups = new Map<string, Played[]>();
  for (const p of played) {
    const about = byName.get(p.id)!.playbook ?? p.id.split(".")[0]!;
    groups.set(about, [...(groups.get(about) ?? []), p]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}
