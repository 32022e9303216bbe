/**
 * Customers at a steady rate for a long time, and what the desk's process takes meanwhile: memory, handles, timers. As many
 * conversations end as begin: customers fall silent, which ends theirs soon, and a person takes what is handed over and
 * gives it back.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type DeskAccess, deskRequest } from "../../scenarios/desk-client.ts";
import { play } from "../../scenarios/player.ts";
import { type DeskProcess, withDesk } from "../desk-process.ts";
import { shopCustomers } from "../shop-customers.ts";
import { type Flatness, flatness, type Sample } from "./flat.ts";

export interface SoakOptions {
  readonly seconds: number;
  /** Conversations that begin each second. */
  readonly rate: number;
  readonly onSecond?: (second: number, conversations: number) => void;
}

/** What is looked at: series of the metrics, the unit, and how much more of it is still flat. */
const MEASURES = {
  heap: { unit: "MiB", slack: 8, read: megabytes("nodejs_heap_size_used_bytes") },
  resident: { unit: "MiB", slack: 32, read: megabytes("process_resident_memory_bytes") },
  external: { unit: "MiB", slack: 8, read: megabytes("nodejs_external_memory_bytes") },
  handles: { unit: "", slack: 16, read: summed("nodejs_active_handles{") },
  timers: { unit: "", slack: 16, read: summed('nodejs_active_resources{type="Timeout"') },
} as const;
export type Measure = keyof typeof MEASURES;

export interface SoakResult {
  readonly conversations: number;
  readonly turns: number;
  /** Conversations that did not come to their end. */
  readonly failed: number;
  /** Why, of the first of them. */
  readonly failures: readonly string[];
  readonly measures: { readonly name: Measure; readonly unit: string; readonly flatness?: Flatness }[];
}

const MOST_FAILURES = 5;
const SAMPLE_MS = 1_000;
/** Silence after which a customer is asked, and after which the conversation is over, ms. */
const SILENCE_MS = 15_000;
/** Conversations that may be under way; with more the desk can't keep up, and that is not what is looked at. */
const MOST_UNDER_WAY = 200;

export function soak(options: SoakOptions): Promise<SoakResult> {
  const dialog = { silenceMs: SILENCE_MS, abandonMs: SILENCE_MS };
  return withDesk({ dialog }, (desk) => soakOn(desk, options));
}

async function soakOn(desk: DeskProcess, { seconds, rate, onSecond }: SoakOptions): Promise<SoakResult> {
  const samples = new Map<Measure, Sample[]>();
  const counts = { conversations: 0, turns: 0, failed: 0 };
  const failures: string[] = [];
  const scenarios = shopCustomers();
  const begun = performance.now();
  const stage = { url: desk.url, adminToken: desk.adminToken, start: Date.now() };
  const underWay = new Set<Promise<void>>();
  const one = async (n: number): Promise<void> => {
    const played = await play(scenarios[n % scenarios.length]!, stage);
    counts.conversations++;
    counts.turns += played.turns;
    if (!played.error) return;
    counts.failed++;
    if (failures.length < MOST_FAILURES)
      failures.push(
        `${played.id}, conversation ${played.conversation}, after ${played.turns} messages: ${played.error}`,
      );
  };
  let stopped = false;
  const sampling = (async () => {
    while (!stopped) {
      const values = await desk.metrics();
      const at = (performance.now() - begun) / 1_000;
      for (const [name, { read }] of entries()) {
        const value = read(values);
        if (value === undefined) continue;
        const series = samples.get(name) ?? [];
        series.push({ at, value });
        samples.set(name, series);
      }
      onSecond?.(Math.floor(at), counts.conversations);
      await giveBack(stage);
      await sleep(SAMPLE_MS);
    }
  })();
  const coming = (async () => {
    for (let n = 0; !stopped && performance.now() - begun < seconds * 1_000; n++) {
      const due = begun + (n / rate) * 1_000;
      await sleep(Math.max(0, due - performance.now()));
      if (underWay.size >= MOST_UNDER_WAY)
        throw new Error(
          `the desk does not keep up: of ${rate} conversations that begin each second, ${MOST_UNDER_WAY} are under way`,
        );
      const work = one(n).finally(() => underWay.delete(work));
      underWay.add(work);
    }
    await Promise.all(underWay);
  })();
  try {
    // Whichever fails first is what went wrong; the other one fails of it.
    await Promise.race([coming, sampling]);
  } finally {
    stopped = true;
    await Promise.allSettled([coming, sampling]);
  }
  const windowS = Math.min(20, seconds / 15);
  const measures = entries().map(([name, { unit, slack }]) => {
    const found = flatness(samples.get(name) ?? [], { slack, windowS });
    return { name, unit, ...(found ? { flatness: found } : {}) };
  });
  return { ...counts, failures, measures };
}

/** What a person does who has nothing to add. */
async function giveBack(access: DeskAccess): Promise<void> {
  const { handoffs } = await deskRequest(access, "GET", "/v1/admin/handoffs");
  for (const { id } of handoffs as { id: string }[]) {
    const at = `/v1/admin/handoffs/${id}`;
    try {
      await deskRequest(access, "POST", `${at}/accept`, { body: { agent: "soak" } });
      await deskRequest(access, "POST", `${at}/return`, { body: { agent: "soak", summary: "seen" } });
    } catch {
      // The conversation has ended meanwhile.
    }
  }
}

function entries() {
  return Object.entries(MEASURES) as [Measure, (typeof MEASURES)[Measure]][];
}

function megabytes(series: string): (values: ReadonlyMap<string, number>) => number | undefined {
  const sum = summed(series);
  return (values) => {
    const bytes = sum(values);
    return bytes === undefined ? undefined : bytes / 1024 / 1024;
  };
}

function summed(prefix: string): (values: ReadonlyMap<string, number>) => number | undefined {
  return (values) => {
    const found = [...values].filter(([name]) => name.startsWith(prefix));
    return found.length === 0 ? undefined : found.reduce((sum, [, value]) => sum + value, 0);
  };
}
