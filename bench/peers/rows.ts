/** What was measured of the peers, as rows of the report: medians of the rounds, ours held to the budgets. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { UsageError } from "../../runtime/config/errors.ts";
import { asset } from "../../runtime/config/paths.ts";
import { median, medianOf } from "../engine/rows.ts";
import { type BenchResult, tidy } from "../report.ts";
import { OURS, type PeerMeasured } from "./peers.ts";

const n = z.number().positive();
const schema = z.strictObject({
  turns: z.strictObject({ least: n, leastOf: z.record(z.string(), n) }),
  alone: z.strictObject({ p50: n }),
  bytes: z.strictObject({ most: n, growth: n }),
  interrupted: z.strictObject({ most: n }),
});
export type PeerBudgets = z.output<typeof schema>;

/** @throws UsageError naming the file and the place */
export function readPeerBudgets(file = asset("bench", "peers", "budgets.yaml")): PeerBudgets {
  const parsed = schema.safeParse(parse(readFileSync(file, "utf8")));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UsageError(`${file}: ${issue.path.join(".")}: ${issue.message}`);
}

/** @param budgets none: nothing is held, because too little was measured for that */
export function peerRows(measured: readonly PeerMeasured[], budgets: PeerBudgets | undefined): BenchResult[] {
  const rows: BenchResult[] = [];
  const add = (row: BenchResult): void => void rows.push(tidy(row));
  const most = (value: number, budget: number | undefined) =>
    budget === undefined ? {} : { budget, held: value <= budget };
  const least = (value: number, budget: number | undefined) =>
    budget === undefined ? {} : { budget, held: value >= budget };
  const held = (name: string) => (name === OURS ? budgets : undefined);
  const rateOf = (peer: PeerMeasured): number => median(peer.rates);
  for (const peer of measured) {
    const rate = rateOf(peer);
    add({
      name: `peers.turns.${peer.name}`,
      unit: "turns/s",
      value: rate,
      rounds: peer.rates,
      ...least(rate, held(peer.name)?.turns.least),
    });
  }
  const ours = measured.find(({ name }) => name === OURS);
  for (const peer of measured) {
    if (!ours || peer === ours) continue;
    const ratio = rateOf(ours) / rateOf(peer);
    add({
      name: `peers.turns.of-${peer.name}`,
      unit: `of ${peer.name}`,
      value: ratio,
      baseline: rateOf(peer),
      ratio,
      ...least(ratio, budgets?.turns.leastOf[peer.name]),
    });
  }
  for (const { name, alone } of measured) {
    const at = (p: "p50" | "p95" | "p99"): number => medianOf(alone, (round) => round[p]);
    const p50 = at("p50");
    add({
      name: `peers.alone.${name}`,
      unit: "ms",
      value: p50,
      rounds: alone.map((round) => round.p50),
      p50,
      p95: at("p95"),
      p99: at("p99"),
      ...most(p50, held(name)?.alone.p50),
    });
  }
  for (const { name, bytes } of measured) {
    const { first, later } = bytes;
    add({
      name: `peers.bytes.${name}`,
      unit: "bytes/turn",
      value: later,
      ...most(later, held(name)?.bytes.most),
    });
    const growth = later / first;
    add({
      name: `peers.growth.${name}`,
      unit: "of first",
      value: growth,
      baseline: first,
      ratio: growth,
      ...most(growth, held(name)?.bytes.growth),
    });
  }
  // Where nothing goes on by itself, there is nothing to say.
  for (const { name, gapMs } of measured)
    if (gapMs !== undefined)
      add({
        name: `peers.interrupted.${name}`,
        unit: "ms",
        value: gapMs,
        ...most(gapMs, held(name)?.interrupted.most),
      });
  return rows;
}
