/**
 * What customers notice of a cluster when one of its nodes is killed, and when all are started again one after the other.
 * Real processes over one server; a check at the end holds every message that was accepted against the log.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Latencies } from "../harness/index.ts";
import type { BenchResult } from "../report.ts";
import { BenchCluster } from "./cluster.ts";
import { type Customer, Load } from "./load.ts";

export interface NodesBenchOptions {
  /** Conversations that the nodes know. */
  readonly known: number;
  /** Of them, those whose customers write. */
  readonly customers: number;
  /** Between a reply and the customer's next message, ms. */
  readonly pauseMs: number;
  /** Time to live of a node's session, ms. */
  readonly ttlMs: number;
  readonly onStage?: (stage: string) => void;
}

export interface NodesReport {
  readonly results: BenchResult[];
  /** What has to be 0, and was not. */
  readonly failures: string[];
}

const NAMES = ["a", "b", "c"];
/** Load before the kill, and after the last reply that was waited for, ms. */
const CALM_MS = 3_000;
/** The wait until all partitions have an owner again, ms. */
const SHARED_OUT_MS = 60_000;
/** Of the earliest messages, how many are sent once more while a node is dead. */
const REPEATED = 50;

export async function benchNodes(options: NodesBenchOptions): Promise<NodesReport> {
  const { known, customers, pauseMs, ttlMs, onStage = () => {} } = options;
  onStage("starting three nodes");
  const cluster = await BenchCluster.start(NAMES, ttlMs);
  try {
    onStage(`making ${known} conversations known`);
    const fillMs = await timed(() => fill(cluster, known));
    // They were made known faster than the nodes fold and write them down.
    await sleep(fillMs / 2);
    const load = new Load(cluster, { customers, pauseMs });
    load.start();
    await sleep(2 * CALM_MS);

    onStage("killing one node");
    const victim = cluster.nodes.get("c")!;
    const theirs = new Set(
      await victim.ask<string[]>({ kind: "owned", keys: load.customers.map((c) => c.key) }),
    );
    const early = load.customers.flatMap((c) => c.sent.slice(0, 1).map(({ id }) => ({ id, key: c.key })));
    const killedAt = performance.now();
    cluster.nodes.delete("c");
    await victim.kill();
    for (const { id, key } of early.slice(0, REPEATED)) {
      const [node] = cluster.nodes.values();
      await node!.ask({ kind: "append", id, key }).catch(() => {});
    }
    const takeover = await answeredAgain(load.customers, theirs, killedAt);
    await cluster.up("c");
    await settled(cluster, load.customers);
    await sleep(CALM_MS);

    onStage("starting all nodes again, one after the other");
    const refusedBefore = load.refused;
    for (const name of NAMES) {
      await load.avoid(name);
      const node = cluster.nodes.get(name)!;
      cluster.nodes.delete(name);
      await node.stop();
      await cluster.up(name);
      load.use(name);
      await settled(cluster, load.customers);
    }
    await sleep(CALM_MS);
    const refused = load.refused - refusedBefore;
    await load.stop();

    onStage("holding all messages against the log");
    const { accepted, lost, twice } = await check(cluster, load.customers);
    const percentiles = takeover.latencies.percentiles();
    if (!percentiles) throw new Error("no conversation of the node that was killed has answered again");
    const count = (name: string, value: number): BenchResult => ({ name: `nodes.${name}`, unit: "", value });
    const results: BenchResult[] = [
      { name: "nodes.known", unit: "conversations", value: known },
      { name: "nodes.fill", unit: "conversations/s", value: Math.round((known / fillMs) * 1_000) },
      {
        name: "nodes.takeover",
        unit: "conversations",
        value: percentiles.count,
        p50: percentiles.p50,
        p95: percentiles.p95,
        p99: percentiles.p99,
      },
      count("accepted", accepted),
      count("lost", lost),
      count("answered-twice", twice),
      count("not-answered-again", takeover.missing),
      count("refused-in-rolling-restart", refused),
    ];
    const failures = Object.entries({ lost, twice, missing: takeover.missing, refused }).flatMap(
      ([what, n]) => (n > 0 ? [`${what}: ${n}`] : []),
    );
    return { results, failures };
  } finally {
    await cluster.stop();
  }
}

async function fill(cluster: BenchCluster, known: number): Promise<void> {
  const nodes = [...cluster.nodes.values()];
  const share = Math.ceil(known / nodes.length);
  await Promise.all(
    nodes.map((node, i) => {
      const from = i * share;
      return node.ask({ kind: "fill", from, count: Math.max(0, Math.min(share, known - from)) });
    }),
  );
}

/** From the kill to the first reply to a message that was sent after it, for each conversation of the dead node. */
async function answeredAgain(customers: readonly Customer[], theirs: ReadonlySet<string>, killedAt: number) {
  const latencies = new Latencies();
  const open = new Set(customers.filter((c) => theirs.has(c.key)));
  const end = performance.now() + SHARED_OUT_MS;
  while (open.size > 0 && performance.now() < end) {
    for (const customer of open) {
      const after = customer.sent.filter((m) => m.at >= killedAt || (m.answeredAt ?? Infinity) >= killedAt);
      const answered = after.find((m) => m.answeredAt !== undefined);
      if (!answered) continue;
      open.delete(customer);
      latencies.record(answered.answeredAt! - killedAt);
    }
    await sleep(10);
  }
  return { latencies, missing: open.size };
}

/** Until each conversation has an owner. */
async function settled(cluster: BenchCluster, customers: readonly Customer[]): Promise<void> {
  const keys = customers.map((c) => c.key);
  const end = performance.now() + SHARED_OUT_MS;
  while (performance.now() < end) {
    const nodes = [...cluster.nodes.values()];
    const owned = await Promise.all(nodes.map((node) => node.ask<string[]>({ kind: "owned", keys })));
    if (owned.flat().length === keys.length && owned.every((own) => own.length > 0)) return;
    await sleep(100);
  }
  throw new Error("the partitions were not shared out");
}

async function check(cluster: BenchCluster, customers: readonly Customer[]) {
  const [node] = cluster.nodes.values();
  let accepted = 0;
  let lost = 0;
  let twice = 0;
  for (const customer of customers) {
    const replies = await node!.ask<string[]>({ kind: "replies", key: customer.key });
    accepted += customer.sent.length;
    lost += customer.sent.filter((m) => !replies.includes(m.id)).length;
    twice += replies.length - new Set(replies).size;
    twice += customer.replies.length - new Set(customer.replies).size;
  }
  return { accepted, lost, twice };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
