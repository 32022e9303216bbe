/**
 * Feeds the metrics of a desk: from the records that the node hands over, from what the gateway has answered, and from
 * the state of services when somebody looks.
 *
 * Times between records are log times, so they also hold for what is read again after a restart.
 */
import { LRUCache } from "lru-cache";
import { formatAddress } from "../runtime/address.ts";
import type { Engine } from "../runtime/engine.ts";
import type { StoredRecord } from "../runtime/envelope.ts";
import { type Asked, askedAt, askedIn } from "../runtime/host/calls.ts";
import type { JsonObject } from "../runtime/json.ts";
import { HEALTH_NUMBER, type Metrics } from "../runtime/telemetry/metrics.ts";
import { stageOf } from "../scenarios/stages.ts";

/** What is under way at once at most; what is older is not measured. */
const UNDER_WAY = 5_000;

/** What an actor wrote last, and for which record. */
interface Written {
  readonly cause: string;
  readonly at: number;
}

/** What of a service's health is counted. */
interface SeenHealth {
  readonly state?: string;
  readonly tokens?: Readonly<Record<string, number>>;
  /** Reads of each tier, and the ms that they took. */
  readonly reads?: Readonly<Record<string, number>>;
  readonly readMs?: Readonly<Record<string, number>>;
}

export interface SeenRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

export interface MetricsFeed {
  /** An HTTP request was answered. */
  request(seen: SeenRequest): void;
  /** Takes the state of services and actors over; before every look. */
  refresh(): Promise<void>;
  stop(): void;
}

export function feedMetrics(
  metrics: Metrics,
  engine: Engine,
  deadLetters: () => Promise<number> = async () => 0,
): MetricsFeed {
  const requests = metrics.histogram("bailiwick_http_request_seconds", "Seconds of a request over HTTP", [
    "method",
    "route",
    "status",
  ]);
  const handoffs = metrics.counter(
    "bailiwick_handoffs_total",
    "Conversations and approvals given to people",
    ["reason"],
  );
  const outcomes = metrics.counter("bailiwick_outcomes_total", "Conversations that ended, by outcome", [
    "outcome",
  ]);
  const waiting = metrics.gauge("bailiwick_records_waiting", "Records that wait to be folded");
  const letters = metrics.gauge("bailiwick_dead_letters", "Records that were given up on and are kept");
  const checked = metrics.gauge(
    "bailiwick_states_checked",
    "Actors that were folded again from the log as a sample, since the start",
  );
  const diverged = metrics.gauge(
    "bailiwick_states_diverged",
    "Those of them whose state was not what the log says",
  );
  const tokens = metrics.gauge("bailiwick_model_tokens", "Tokens of the model since the start", [
    "direction",
  ]);
  const reads = metrics.gauge("bailiwick_memory_reads", "Reads of what was said since the start, by tier", [
    "tier",
  ]);
  const readSeconds = metrics.gauge("bailiwick_memory_read_seconds", "Seconds that these reads took in all", [
    "tier",
  ]);
  const seconds = flow(metrics);
  const records = atHand((kind, type) => metrics.records.labels({ kind, type }));

  const stop = engine.observe((record) => {
    records(record.to.kind, record.type).inc();
    if (record.type === "host.quarantined") metrics.quarantined.inc({ kind: record.to.kind });
    if (record.to.kind === "channel") {
      const said = { ...record.clear, ...record.data };
      if (record.type === "outcome") outcomes.inc({ outcome: String(said.outcome) });
      if (record.type === "handoff" && said.state === "queued") handoffs.inc({ reason: String(said.reason) });
    }
    seconds(record);
  });

  return {
    request: ({ method, route, status, durationMs }) =>
      requests.observe({ method, route, status: String(status) }, durationMs / 1000),
    refresh: async () => {
      const { services = {}, host = {} } = engine.status() as { services?: JsonObject; host?: JsonObject };
      for (const [name, health] of Object.entries(services)) {
        const { state, tokens: used, reads: counts, readMs } = health as SeenHealth;
        // A service that still starts has less to give than it will.
        const number = HEALTH_NUMBER[state as keyof typeof HEALTH_NUMBER] ?? HEALTH_NUMBER.degraded;
        metrics.downstream.set({ name }, number);
        for (const [direction, count] of Object.entries(used ?? {})) tokens.set({ direction }, count);
        for (const [tier, count] of Object.entries(counts ?? {})) reads.set({ tier }, count);
        for (const [tier, ms] of Object.entries(readMs ?? {})) readSeconds.set({ tier }, ms / 1000);
      }
      const { cells, waiting: records, checked: sampled, diverged: differ } = host as Record<string, number>;
      metrics.actors.set({ kind: "all" }, cells ?? 0);
      waiting.set(records ?? 0);
      checked.set(sampled ?? 0);
      diverged.set(differ ?? 0);
      letters.set(await deadLetters());
    },
    stop,
  };
}

/** The series of one or two labels, looked up once: finding it by its labels costs more than counting. */
function atHand<T>(series: (first: string, second: string) => T): (first: string, second?: string) => T {
  const known = new Map<string, T>();
  return (first, second = "") => {
    const name = `${first} ${second}`;
    let found = known.get(name);
    if (found === undefined) {
      found = series(first, second);
      known.set(name, found);
    }
    return found;
  };
}

/** Turns, waits, folds and asks, each from the records that begin and end it. */
function flow(metrics: Metrics): (record: StoredRecord) => void {
  const asks = new LRUCache<string, Asked & { readonly at: number }>({ max: UNDER_WAY });
  const messages = new LRUCache<string, number>({ max: UNDER_WAY });
  /** When each record of an actor came, until its first effect. */
  const arrived = new LRUCache<string, number>({ max: UNDER_WAY });
  const written = new LRUCache<string, Written>({ max: UNDER_WAY });
  const waits = atHand((kind) => metrics.queueWait.labels({ kind }));
  const folds = atHand((kind) => metrics.fold.labels({ kind }));
  const stages = atHand((stage) => metrics.turnStage.labels({ stage }));

  function wrote(record: StoredRecord): void {
    const asked = askedAt(record);
    const who = asked === undefined ? record.from : record.to;
    if (record.cause === undefined || who.kind === "service") return;
    const at = asked ?? record.at;
    const actor = formatAddress(who);
    const last = written.get(actor);
    written.set(actor, { cause: record.cause, at });
    const came = arrived.get(record.cause);
    if (came === undefined || last?.cause === record.cause) return;
    arrived.delete(record.cause);
    // It was busy with something else until then.
    const free = Math.max(came, last?.at ?? 0);
    const { kind } = who;
    waits(kind).observe((free - came) / 1000);
    folds(kind).observe(Math.max(0, at - free) / 1000);
  }

  function answered(record: StoredRecord): void {
    const id = String(record.clear.ask);
    const asked = askedIn(record) ?? asks.get(id);
    const from = askedAt(record) ?? asks.get(id)?.at;
    asks.delete(id);
    if (!asked || from === undefined) return;
    const { service, operation } = asked;
    const took = Math.max(0, record.at - from) / 1000;
    const error = record.data.value as { code?: unknown } | undefined;
    const outcome = record.clear.ok === true ? "done" : String(error?.code ?? "failed");
    metrics.ask.observe({ service, operation, outcome }, took);
    const stage = stageOf(service, operation);
    if (stage) stages(stage).observe(took);
  }

  return (record) => {
    wrote(record);
    const { id, type, at, clear } = record;
    if (record.to.kind === "service") {
      const asked = askedIn(record);
      if (asked) asks.set(id, { ...asked, at });
      return;
    }
    if (record.to.kind !== "channel") arrived.set(id, at);
    if (type === "host.answer") answered(record);
    else if (type === "customer.message") messages.set(id, at);
    else if (type === "reply" && Array.isArray(clear.answers)) {
      for (const message of clear.answers) {
        const from = messages.get(String(message));
        if (from === undefined) continue;
        messages.delete(String(message));
        stages("turn").observe(Math.max(0, at - from) / 1000);
      }
    }
  };
}
