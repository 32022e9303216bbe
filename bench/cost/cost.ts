/**
 * What a turn costs: records and bytes by where they lie, and processor time, of the desk and of its server, at the beginning of
 * conversations and later in them. The same question is asked in every turn, so that only the length of the conversation differs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deskRequest } from "../../scenarios/desk-client.ts";
import { ConversationDriver } from "../../scenarios/driver.ts";
import { type DeskProcess, metricOf, withDesk } from "../desk-process.ts";
import { sizeOf } from "../file-sizes.ts";

export interface CostOptions {
  readonly conversations: number;
  /** Turns of each conversation in one part. */
  readonly turns: number;
  /** Parts, one after the other; what is said of the first is left out, since much is made only once. */
  readonly parts: number;
  readonly onProgress?: (what: string, done?: number, all?: number) => void;
}

/** Of one turn. */
export interface TurnCost {
  /** The first turn of the part, from 1. */
  readonly from: number;
  readonly records: number;
  /** Bytes on disk that were added, by place. */
  readonly bytes: Readonly<Record<Place, number>>;
  /** Processor time, ms. */
  readonly cpuMs: Readonly<Record<"desk" | "server", number>>;
}

/** Folders of a data directory. */
const PLACES = { log: "nats", engine: "engine", memory: "memory" } as const;
export type Place = keyof typeof PLACES;

/** Of the generated company: the desk looks the order up, and says how it stands. */
const CUSTOMER = "C1001";
const QUESTION = "Where is my order W2001012?";
/** Conversations that write at the same time. */
const AT_ONCE = 4;
/** Until what is in memory has been written: twice as long as a node waits. */
const SETTLE_MS = 1_500;
/** No limit of what a customer may write: it is one customer who asks all of it. */
const PLENTY = { burst: 1_000_000, perSecond: 100_000 };
/** Linux counts processor time in these, a second. */
const TICKS = 100;

export function measureCost(options: CostOptions): Promise<TurnCost[]> {
  options.onProgress?.("starting a desk");
  const limits = { conversation: PLENTY, customer: PLENTY };
  return withDesk({ gateway: { limits } }, (desk, dir) => measureOn(desk, dir, options));
}

async function measureOn(desk: DeskProcess, dir: string, options: CostOptions): Promise<TurnCost[]> {
  const { conversations, turns, parts, onProgress } = options;
  const drivers: ConversationDriver[] = [];
  for (let n = 0; n < conversations; n++) {
    const driver = new ConversationDriver(desk);
    await driver.open({ customer: { id: CUSTOMER }, vouched: true });
    drivers.push(driver);
  }
  const costs: TurnCost[] = [];
  let before = await taken(desk, dir, drivers);
  for (let part = 0; part < parts; part++) {
    let done = 0;
    const left = [...drivers];
    const worker = async (): Promise<void> => {
      for (let driver = left.shift(); driver; driver = left.shift())
        for (let turn = 0; turn < turns; turn++) {
          const sent = await driver.send(QUESTION);
          if (!(await driver.answered(sent))) throw new Error(`no reply in conversation ${driver.id}`);
          onProgress?.(`turns from ${part * turns + 1} on`, ++done, conversations * turns);
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const after = await taken(desk, dir, drivers);
    if (part > 0) costs.push(between(before, after, conversations * turns, part * turns + 1));
    before = after;
  }
  for (const driver of drivers) await driver.close();
  return costs;
}

interface Taken {
  readonly records: number;
  readonly bytes: Record<Place, number>;
  readonly cpuMs: Record<"desk" | "server", number>;
}

async function taken(desk: DeskProcess, dir: string, drivers: readonly ConversationDriver[]): Promise<Taken> {
  await sleep(SETTLE_MS);
  let records = 0;
  for (const { id } of drivers) {
    const trace = await deskRequest(desk, "GET", `/v1/admin/conversations/${id}/trace`);
    records += trace.records.length;
  }
  const bytes = {} as Record<Place, number>;
  for (const [place, folder] of Object.entries(PLACES))
    bytes[place as Place] = await sizeOf(join(dir, folder));
  const cpu = metricOf(await desk.metrics(), "process_cpu_seconds_total") ?? Number.NaN;
  return { records, bytes, cpuMs: { desk: cpu * 1_000, server: serverCpuMs(dir) } };
}

/** Of the desk's nats-server, which has a file with its process id; NaN where the system does not say. */
function serverCpuMs(dir: string): number {
  try {
    const pid = readFileSync(join(dir, PLACES.log, "nats-server.pid"), "utf8").trim();
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS;
  } catch {
    return Number.NaN;
  }
}

function between(before: Taken, after: Taken, turns: number, from: number): TurnCost {
  const each = <T extends string>(a: Record<T, number>, b: Record<T, number>): Record<T, number> =>
    Object.fromEntries(
      Object.entries<number>(b).map(([name, value]) => [name, (value - a[name as T]) / turns]),
    ) as Record<T, number>;
  return {
    from,
    records: (after.records - before.records) / turns,
    bytes: each(before.bytes, after.bytes),
    cpuMs: each(before.cpuMs, after.cpuMs),
  };
}
