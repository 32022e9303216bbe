/** How fast records are folded, without any I/O: by a cell with its outbox, and by an actor of XState alone. */
import type { StoredRecord } from "../../runtime/envelope.ts";
import { Cell } from "../../runtime/host/cell.ts";
import { startRawActor } from "../../runtime/host/raw-actor.ts";
import { derivedId } from "../../runtime/ids.ts";
import { messageDefinitions, messageMachine } from "./message-machine.ts";
import { BENCH, conversation } from "./place.ts";

export interface FoldSpeed {
  /** Events a second of a cell, effects as records of the outbox included. */
  readonly cell: number;
  /** Events a second of the same machine in XState. */
  readonly raw: number;
}

/** Records made at once: making them does not count. */
const BATCH = 2_000;

export function foldSpeed({ events }: { events: number }): FoldSpeed {
  const to = conversation(0);
  const cell = new Cell(to, messageDefinitions[0]!);
  const raw = startRawActor(messageMachine, { address: to, startedAt: 0 });
  const record = (seq: number): StoredRecord => ({
    id: derivedId("fold", seq),
    seq,
    type: "message",
    from: BENCH,
    to,
    at: seq,
    epoch: 0,
    clear: {},
    data: { text: `message ${seq}` },
  });
  let cellMs = 0;
  let rawMs = 0;
  let counted = 0;
  for (let from = 1; from <= events; from += BATCH) {
    const records = Array.from({ length: BATCH }, (_, i) => record(from + i));
    // Frozen by the cell: XState alone goes first and does not freeze.
    const a = timed(() => {
      for (const each of records) raw.send({ ...each, data: { ...each.clear, ...each.data } } as never);
    });
    const b = timed(() => {
      for (const each of records) cell.fold(each);
    });
    // The first batch warms up.
    if (from === 1) continue;
    rawMs += a;
    cellMs += b;
    counted += BATCH;
  }
  return { cell: (counted * 1_000) / cellMs, raw: (counted * 1_000) / rawMs };
}

function timed(work: () => void): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}
