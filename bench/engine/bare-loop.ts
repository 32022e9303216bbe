/**
 * What the engine is held against: a loop that does the same reads and appends without XState, sealing, index or snapshots.
 * It reads every partition, appends one record for each message, as many at once as come in, reads that back as well, and
 * stores its positions as often as a node does.
 */
import { join } from "node:path";
import { Level } from "level";
import { partitionOf } from "../../runtime/address.ts";
import type { Bus } from "../../runtime/bus/index.ts";
import { HEADER_ID, HEADER_TO } from "../../runtime/log/codec.ts";
import { LogReader, type RawRecord } from "../../runtime/log/reader.ts";
import { ensureStream } from "../../runtime/log/stream.ts";
import { PARTITIONS, SUBJECTS } from "./place.ts";
import type { Coverage, DoneFeed } from "./progress.ts";

/** As often as a node by default, ms. */
const STORE_EVERY_MS = 500;

export class BareLoop {
  readonly #bus: Bus;
  readonly #db: Level<string, string>;
  readonly #coverage: Coverage;
  readonly #done: DoneFeed;
  readonly #readers: LogReader[] = [];
  /** By partition: messages whose record is not acknowledged yet. */
  readonly #underWay = new Map<number, Set<number>>();
  readonly #next = new Map<number, number>();
  #ticker: NodeJS.Timeout | undefined;

  private constructor(bus: Bus, db: Level<string, string>, coverage: Coverage, done: DoneFeed) {
    this.#bus = bus;
    this.#db = db;
    this.#coverage = coverage;
    this.#done = done;
  }

  static async start(bus: Bus, dir: string, coverage: Coverage, done: DoneFeed): Promise<BareLoop> {
    const db = new Level<string, string>(join(dir, "bare"));
    await db.open();
    await ensureStream(bus, SUBJECTS.logStream, [SUBJECTS.logAll]);
    const loop = new BareLoop(bus, db, coverage, done);
    for (let p = 0; p < PARTITIONS; p++) {
      const reader = new LogReader(bus, {
        stream: SUBJECTS.logStream,
        subject: SUBJECTS.log(p),
        from: 1,
        onRecord: (record) => loop.#handle(p, record),
      });
      loop.#underWay.set(p, new Set());
      loop.#readers.push(reader);
      reader.start();
    }
    loop.#ticker = setInterval(() => void loop.#store(), STORE_EVERY_MS);
    return loop;
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticker);
    await Promise.all(this.#readers.map((reader) => reader.stop()));
    await this.#db.close();
  }

  #handle(partition: number, record: RawRecord): void {
    const { seq, data } = record;
    this.#next.set(partition, seq + 1);
    const to = record.header(HEADER_TO) ?? "";
    const id = record.header(HEADER_ID) ?? "";
    if (to.startsWith("channel/")) {
      this.#done.add(id.slice(0, -2));
      return;
    }
    this.#coverage.add(partition, seq);
    const open = this.#underWay.get(partition)!;
    open.add(seq);
    const [, key, name] = to.split("/");
    void this.#append(key!, `channel/${key}/${name}`, `${id}-0`, data).then(() => open.delete(seq));
  }

  /** The reply is as long as the message: what differs is a few bytes. */
  async #append(key: string, to: string, id: string, data: Uint8Array): Promise<void> {
    const subject = SUBJECTS.log(partitionOf(key, PARTITIONS));
    await this.#bus.request(subject, data, { headers: { [HEADER_ID]: id, [HEADER_TO]: to } });
  }

  async #store(): Promise<void> {
    const positions = new Map<number, number>();
    for (const [partition, next] of this.#next) {
      const [lowest] = this.#underWay.get(partition)!;
      positions.set(partition, lowest ?? next);
    }
    if (positions.size === 0) return;
    await this.#db.batch(
      [...positions].map(([partition, position]) => ({
        type: "put",
        key: `p!${partition}`,
        value: String(position),
      })),
    );
    this.#coverage.stored(positions);
  }
}
