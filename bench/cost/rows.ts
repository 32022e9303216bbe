/** What a turn costs, as rows of the report, and what follows from it for three nodes. */
import { type BenchResult, tidy } from "../report.ts";
import type { Place, TurnCost } from "./cost.ts";

/** Copies of every record in a cluster of three servers. */
export const COPIES = 3;
export const NODES = 3;
/** Share of the processors that is planned with; the rest is for peaks, and for a node that has failed. */
export const PLANNED = 0.5;
const DAY_S = 86_400;

/** @param costs parts of the conversations, in order @param cores processors of each node */
export function costRows(costs: readonly TurnCost[], cores: number): BenchResult[] {
  const rows: BenchResult[] = [];
  const [first] = costs;
  const last = costs.at(-1);
  if (!first || !last) return rows;
  const add = (name: string, unit: string, of: (cost: TurnCost) => number): void => {
    const [value, before] = [of(last), of(first)];
    if (!Number.isFinite(value)) return;
    const growth = costs.length > 1 && before > 0 ? { baseline: before, ratio: value / before } : {};
    rows.push(tidy({ name: `cost.${name}`, unit, value, ...growth }));
  };
  add("records", "a turn", ({ records }) => records);
  for (const place of Object.keys(last.bytes) as Place[])
    add(`bytes.${place}`, "bytes/turn", ({ bytes }) => bytes[place]);
  for (const who of ["desk", "server"] as const) add(`cpu.${who}`, "ms/turn", ({ cpuMs }) => cpuMs[who]);
  const { perSecond, gibPerDay } = capacity(last, cores);
  rows.push(tidy({ name: `cost.three-nodes.of-${cores}-cores`, unit: "turns/s", value: perSecond }));
  rows.push(
    tidy({ name: "cost.three-nodes.disk", unit: "GiB a day on each, at that rate", value: gibPerDay }),
  );
  return rows;
}

/**
 * Of three nodes with as many servers, each with all records: every turn is carried out once, and kept three times. A turn's records
 * are taken by one server and copied by the two others, at most at the same cost.
 */
export function capacity(cost: TurnCost, cores: number): { perSecond: number; gibPerDay: number } {
  const { desk, server } = cost.cpuMs;
  const msOfTurn = desk + (Number.isFinite(server) ? server : 0) * COPIES;
  const perSecond = (NODES * cores * 1_000 * PLANNED) / msOfTurn;
  const { log, engine, memory } = cost.bytes;
  // LevelDB may have tidied up more than was added. The log lies on every server; states and memory are on the node that has the conversation, and memory on each.
  const bytes = log + Math.max(0, engine) / NODES + memory;
  return { perSecond, gibPerDay: (bytes * perSecond * DAY_S) / 1024 ** 3 };
}
