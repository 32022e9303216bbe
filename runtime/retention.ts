/**
 * Leaving the log (architecture section 3): records leave as a prefix, up to the lowest sequence that anybody still needs.
 *
 * Every node has new checkpoints appended for the actors of its partitions whose fold reaches back too far, and says what each
 * partition needs. The lowest of all is *announced*: gateways take nothing any more for what ended before it. At the next pass,
 * when whatever they had taken until then has been folded, owners make it the floor of their partitions, and the owner of the
 * first one purges the log up to the lowest floor. Whatever happens between two of these steps, the next pass goes on from what
 * is so: a checkpoint is appended once, and a floor is never lowered.
 */
import type { Level } from "level";
import type { Bus } from "./bus/bus.ts";
import type { Subjects } from "./bus/subjects.ts";
import type { Clock } from "./clock.ts";
import type { FloorBoard } from "./host/floors.ts";
import type { HostLog } from "./host/host.ts";
import { sleep } from "./host/host-options.ts";
import type { Leaving } from "./host/leaving.ts";
import { dropSnapshotsOf } from "./host/needs.ts";
import { firstSince, OldRecords } from "./log/age.ts";
import { BODY_FRESH_MS } from "./log/appender.ts";
import { BodyMarks } from "./log/body-marks.ts";
import { dropLeft } from "./log/checkpoint-index.ts";
import type { DeadLetters } from "./log/dead-letters.ts";
import type { RecordIndex } from "./log/record-index.ts";
import { lastSeqOf, purge, streamState } from "./log/stream.ts";

export interface RetentionOptions {
  /** An actor whose fold reaches back further gets a new checkpoint at the head of the log, ms. Default 7 days. */
  readonly tailMs?: number;
  /** Every record stays in the log for so long, needed or not, ms. */
  readonly logMs: number;
  /** Time between two passes, ms. Default 10 minutes. */
  readonly everyMs?: number;
  /** What was put so long ago has its record in the log, or never will have, ms. Default 60,000. */
  readonly settleMs?: number;
}

export interface RetentionParts {
  readonly bus: Bus;
  readonly names: Subjects;
  readonly db: Level<string, string>;
  readonly host: Leaving;
  readonly index: RecordIndex;
  readonly deadLetters: DeadLetters;
  readonly floors: () => FloorBoard | undefined;
  /** Ends when all that this node's gateway was appending at the call is appended or refused. */
  readonly appended: () => Promise<unknown>;
  readonly clock: Clock;
  readonly log: HostLog;
}

const DAY_MS = 24 * 3_600_000;
const RETENTION_DEFAULTS = { tailMs: 7 * DAY_MS, everyMs: 600_000, settleMs: 2 * BODY_FRESH_MS } as const;
/** How long a pass waits for a partition to be past what was in the log when it began, ms; else the next one looks again. */
const PAST_MS = 5_000;
const PAST_AGAIN_MS = 50;
/** Records that have left before the index is looked through for their places, at least. */
const DROP_FROM = 1_000;

export class Retention {
  readonly counts = { purged: 0 };
  readonly #p: RetentionParts;
  readonly #o: Required<RetentionOptions> | undefined;
  readonly #bodies: BodyMarks;
  readonly #old: OldRecords;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Below it gateways take nothing any more; 0 before the first time. */
  #announced = 0;
  /** First sequence of the log when the index was last looked through. */
  #dropped = 1;

  /** @param options without them nothing leaves */
  constructor(parts: RetentionParts, options?: RetentionOptions) {
    this.#p = parts;
    this.#old = new OldRecords(parts.bus, parts.names.logStream);
    this.#o = options && { ...RETENTION_DEFAULTS, ...options };
    const { settleMs } = this.#o ?? RETENTION_DEFAULTS;
    this.#bodies = new BodyMarks(parts.bus, parts.names, settleMs);
  }

  start(): void {
    if (!this.#o) return;
    this.#timer = setInterval(() => {
      this.pass().catch((error) => {
        const details = { error: String((error as Error)?.message ?? error) };
        if (!this.#stopped) this.#p.log.warn("the log was not looked through for what may leave it", details);
      });
    }, this.#o.everyMs);
    this.#timer.unref();
  }

  /** Ends when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#running.catch(() => {});
  }

  /** One at a time. @throws when the log, the bucket of positions or LevelDB can't be reached; the next one goes on. */
  pass(): Promise<void> {
    const next = this.#running
      .catch(() => {})
      .then(() => (this.#stopped || !this.#o ? undefined : this.#pass(this.#o)));
    this.#running = next;
    return next;
  }

  async #pass({ tailMs, logMs }: Required<RetentionOptions>): Promise<void> {
    const { bus, names, host, index, clock } = this.#p;
    const stream = names.logStream;
    const state = await streamState(bus, stream);
    index.left(state.firstSeq);
    if (state.messages === 0) return;
    const now = clock.now();
    // A checkpoint may come sooner or later than it should; a record may not leave sooner.
    const tail = await firstSince(bus, stream, state, now - tailMs);
    if (tail > state.firstSeq) {
      for (const number of host.owned()) await host.renewCheckpoints(number, tail);
    }
    const young = await this.#old.below(state, now - logMs, now);
    await this.#raise();
    await this.#purge(state.firstSeq, state.lastSeq);
    if (young > state.firstSeq) await this.#announce(young);
    await this.#drop(state.lastSeq);
    if (host.owned().includes(0)) await this.#bodies.pass(state.firstSeq);
  }

  /** Raises the floors up to what was announced at the last pass. */
  async #raise(): Promise<void> {
    const { host, floors, appended } = this.#p;
    if (this.#announced === 0) return;
    // What other gateways had under way when they heard of it took them less than the time between two passes.
    await appended();
    await this.#each(async (number, last, head) => {
      if (!(await this.#isPast(number, last, head))) return;
      const floor = await host.raiseFloor(number, this.#announced);
      if (floor !== undefined) await floors()?.publish(number, { floor });
    });
  }

  /** What gateways took before they heard of the announcement has been folded: then its actor is open, and needs its records. */
  async #isPast(number: number, last: number, head: number): Promise<boolean> {
    const until = performance.now() + PAST_MS;
    while (last >= this.#position(number) && head >= this.#position(number)) {
      if (this.#stopped || performance.now() > until) return false;
      await sleep(PAST_AGAIN_MS);
    }
    return !this.#stopped;
  }

  /** Up to where a partition is dealt with, whoever goes on with it. */
  #position(number: number): number {
    const { host, floors } = this.#p;
    return Math.min(host.position(number), floors()?.position(number) ?? 1);
  }

  /** For each partition of this node: its last sequence, and one that the log had reached before that was asked for. */
  async #each(work: (number: number, last: number, head: number) => Promise<void>): Promise<void> {
    const { bus, names, host } = this.#p;
    const { lastSeq: head } = await streamState(bus, names.logStream);
    const one = async (number: number): Promise<void> =>
      work(number, await lastSeqOf(bus, names.logStream, names.log(number)), head);
    await Promise.all(host.owned().map(one));
  }

  async #announce(young: number): Promise<void> {
    const { bus, names, host, index, floors } = this.#p;
    await this.#each(async (number, last, head) => {
      const actors = await host.needs(number);
      if (actors === undefined) return;
      const position = this.#position(number);
      // A partition in which nothing is left to do does not need what the others have had since.
      const needs = Math.min(young, actors, last < position ? head + 1 : position);
      await floors()?.publish(number, { needs });
    });
    const lowest = await floors()?.lowest();
    if (lowest === undefined || lowest.needs <= this.#announced) return;
    this.#announced = lowest.needs;
    index.left(this.#announced);
    bus.publish(names.left, Buffer.from(String(this.#announced)));
  }

  async #purge(first: number, last: number): Promise<void> {
    const { bus, names, host, index, deadLetters, floors } = this.#p;
    if (this.#stopped || !host.owned().includes(0) || index.complete < last) return;
    const floor = (await floors()?.lowest())?.floor ?? 0;
    if (floor <= first) return;
    // The last one stays: it says where the log is, even to a server that has to find that out from what it has on disk.
    const most = Math.min(floor, last, await deadLetters.lowestInLog());
    const below = await index.repeats.spared(first, most);
    if (below <= first) return;
    await purge(bus, names.logStream, below);
    this.counts.purged += below - first;
  }

  /** What each node knows of the places of records that have left takes room for nothing. Done when there is enough of it. */
  async #drop(last: number): Promise<void> {
    const { db, index } = this.#p;
    const { first } = index;
    // Looking through it costs what is in it: done when a good part of that has come to be of no use.
    if (first - this.#dropped < Math.max(DROP_FROM, (last - first) / 2, this.#dropped / 4)) return;
    await dropLeft(db, first);
    await dropSnapshotsOf(db, (to) => index.hasLeft(to));
    this.#dropped = first;
  }
}
