/** What was measured of the peers, as rows of the report: medians of the rounds, ours held to the budgets. */
import { z } from "zod";
import { asset } from "../../runtime/config/paths.ts";
import { atLeast, atMost, readBudgetFile } from "../budget-file.ts";
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
  return readBudgetFile(schema, file);
}

/** @param budgets none: nothing is held, because too little was measured for that */
export function peerRows(measured: readonly PeerMeasured[], budgets: PeerBudgets | undefined): BenchResult[] {
  const rows: BenchResult[] = [];
  const add = (row: BenchResult): void => void rows.push(tidy(row));
  const held = (name: string) => (name === OURS ? budgets : undefined);
  const rateOf = (peer: PeerMeasured): number => median(peer.rates);
  for (const peer of measured) {
    const rate = rateOf(peer);
    add({
      name: `peers.turns.${peer.name}`,
      unit: "turns/s",
      value: rate,
      rounds: peer.rates,
      ...atLeast(rate, held(peer.name)?.turns.least),
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
      ...atLeast(ratio, budgets?.turns.leastOf[peer.name]),
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
      ...atMost(p50, held(name)?.alone.p50),
    });
  }
  for (const { name, bytes } of measured) {
    const { first, later } = bytes;
    add({
      name: `peers.bytes.${name}`,
      unit: "bytes/turn",
      value: later,
      ...atMost(later, held(name)?.bytes.most),
    });
    const growth = later / first;
    add({
      name: `peers.growth.${name}`,
      unit: "of first",
      value: growth,
      baseline: first,
      ratio: growth,
      ...atMost(growth, held(name)?.bytes.growth),
    });
  }
  // Where nothing goes on by itself, there is nothing to say.
  for (const { name, gapMs } of measured)
    if (gapMs !== undefined)
      add({
        name: `peers.interrupted.${name}`,
        unit: "ms",
        value: gapMs,
        ...atMost(gapMs, held(name)?.interrupted.most),
      });
  return rows;
}
