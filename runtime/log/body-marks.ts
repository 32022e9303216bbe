/**
 * When bodies leave: once no record is left in the log that refers to them, told without looking at a single one.
 *
 * Every append puts its body at the end of the stream of bodies before it appends the record. So when all that was under way at
 * some moment has ended, whatever then refers to a body up to the place `bodies` is a record up to the place `log`: that is a
 * mark. It stays true for ever, whoever wrote it. When the log begins after `log`, the bodies up to `bodies` can go.
 */
import type { Bus } from "../bus/bus.ts";
import type { Subjects } from "../bus/subjects.ts";
import { acknowledged, lastOf, purge, streamState } from "./stream.ts";

interface Mark {
  /** Place in the stream of bodies. */
  readonly bodies: number;
  /** Place in the log. */
  readonly log: number;
}

const ACK_MS = 5_000;

export class BodyMarks {
  readonly #bus: Bus;
  readonly #names: Subjects;
  readonly #settleMs: number;
  /** The end of the stream of bodies at a moment, monotonic, ms: the mark to come. */
  #seen: { readonly bodies: number; readonly at: number } | undefined;

  /** @param settleMs after it, nothing is under way any more that had put its body before */
  constructor(bus: Bus, names: Subjects, settleMs: number) {
    this.#bus = bus;
    this.#names = names;
    this.#settleMs = settleMs;
  }

  /**
   * Deletes the bodies that only records below `first` referred to, and makes a mark when it is time for one. To be called again
   * and again by one node; what a crash interrupts, the next call goes on with.
   * @param first where the log begins
   * @throws BusError, JetStreamError
   */
  async pass(first: number): Promise<void> {
    const { bodiesStream: stream, bodyMarks, logStream } = this.#names;
    const known = await lastOf(this.#bus, stream, bodyMarks);
    let marks: Mark[] = known ? JSON.parse(Buffer.from(known.data).toString("utf8")) : [];
    const { firstSeq, lastSeq: end } = await streamState(this.#bus, stream);
    const left = marks.findLast(({ log }) => log < first)?.bodies ?? 0;
    // The marks themselves lie behind all of it, so the stream is never empty and keeps its place.
    if (left >= firstSeq) await purge(this.#bus, stream, left + 1);
    const marked = marks.at(-1)?.bodies ?? 0;
    marks = marks.filter(({ bodies }) => bodies > left);
    // Nothing but the marks lies behind the last of them.
    if (end === (known ? Math.min(known.seq, marked + 1) : 0)) this.#seen = undefined;
    else if (this.#seen && performance.now() - this.#seen.at >= this.#settleMs) {
      const { lastSeq: log } = await streamState(this.#bus, logStream);
      marks.push({ bodies: this.#seen.bodies, log });
      const text = Buffer.from(JSON.stringify(marks));
      acknowledged(await this.#bus.request(bodyMarks, text, { timeoutMs: ACK_MS }));
      this.#seen = undefined;
    } else this.#seen ??= { bodies: end, at: performance.now() };
  }
}
