/** Metrics in Prometheus' format. Labels are words of the program, never ids or anything of a customer. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface MetricsOptions {
  /** Metrics of the process (memory, event loop, garbage collection). Default false; they cost a timer. */
  readonly process?: boolean;
  /** On every metric, e.g. node and workspace. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Seconds. A turn without a model takes tens of milliseconds, with one seconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export interface Metrics {
  readonly registry: Registry;
  /** Seconds of a turn by stage: `append`, `queue`, `understand`, `decide`, `act`, `say`, `total` … */
  readonly turnStage: Histogram<"stage">;
  /** Seconds a record waited before it was folded, by kind of actor; apart from the work itself. */
  readonly queueWait: Histogram<"kind">;
  /** Seconds of folding a record, by kind of actor. */
  readonly fold: Histogram<"kind">;
  /** Seconds from an ask to its answer, by service, operation and outcome. */
  readonly ask: Histogram<"service" | "operation" | "outcome">;
  readonly records: Counter<"kind" | "type">;
  readonly restarts: Counter<"supervisor" | "child">;
  readonly quarantined: Counter<"kind">;
  /** 0 up, 1 degraded, 2 probing, 3 open. */
  readonly downstream: Gauge<"name">;
  readonly actors: Gauge<"kind">;
  /** A counter, gauge or histogram of another room, made once however often it is asked for. */
  counter<L extends string>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  gauge<L extends string>(name: string, help: string, labels?: readonly L[]): Gauge<L>;
  histogram<L extends string>(name: string, help: string, labels?: readonly L[]): Histogram<L>;
  /** What `GET /metrics` answers. */
  text(): Promise<string>;
  readonly contentType: string;
}

export const HEALTH_NUMBER = { up: 0, degraded: 1, probing: 2, open: 3 } as const;

/** A registry of its own, so that two desks in one process (tests, `demo`) do not count together. */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  if (options.labels) registry.setDefaultLabels({ ...options.labels });
  if (options.process) collectDefaultMetrics({ register: registry });

  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    (registry.getSingleMetric(name) as Counter<L> | undefined) ??
    new Counter<L>({ name, help, labelNames: [...labelNames], registers: [registry] });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    (registry.getSingleMetric(name) as Gauge<L> | undefined) ??
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers: [registry] });
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    (registry.getSingleMetric(name) as Histogram<L> | undefined) ??
    new Histogram<L>({ name, help, labelNames: [...labelNames], buckets: SECONDS, registers: [registry] });

  return {
    registry,
    turnStage: histogram("bailiwick_turn_stage_seconds", "Seconds of a turn by stage", ["stage"]),
    queueWait: histogram("bailiwick_queue_wait_seconds", "Seconds a record waited before it was folded", [
      "kind",
    ]),
    fold: histogram("bailiwick_fold_seconds", "Seconds of folding a record", ["kind"]),
    ask: histogram("bailiwick_ask_seconds", "Seconds from an ask to its answer", [
      "service",
      "operation",
      "outcome",
    ]),
    records: counter("bailiwick_records_total", "Records folded", ["kind", "type"]),
    restarts: counter("bailiwick_restarts_total", "Restarts by supervisors", ["supervisor", "child"]),
    quarantined: counter("bailiwick_quarantined_total", "Records given up on", ["kind"]),
    downstream: gauge("bailiwick_downstream_state", "0 up, 1 degraded, 2 probing, 3 open", ["name"]),
    actors: gauge("bailiwick_actors", "Actors in memory", ["kind"]),
    counter,
    gauge,
    histogram,
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
