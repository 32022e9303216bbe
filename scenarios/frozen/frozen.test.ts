import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer } from "../../runtime/bus/testing.ts";
import { asset } from "../../runtime/config/paths.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import { readRecordings } from "../recording/read.ts";
import type { Recording } from "../recording/recording.ts";
import { FrozenDesk, type FrozenOptions, type FrozenResult, playKilled } from "./index.ts";

const FOLDER = asset("scenarios", "shop", "recordings");
const all: Recording[] = [];
let sample: Recording;
beforeAll(async () => {
  for (const name of readdirSync(FOLDER).sort())
    for await (const recording of readRecordings(`${FOLDER}/${name}`)) all.push(recording);
  sample = all.find(({ header }) => header.id === "cancel-order.confirmed")!;
});

const desks: FrozenDesk[] = [];
afterAll(async () => {
  for (const desk of desks) await desk.close();
});

async function play(recordings: readonly Recording[], options: FrozenOptions = {}): Promise<FrozenResult[]> {
  const desk = new FrozenDesk();
  desks.push(desk);
  const results: FrozenResult[] = [];
  for (const recording of recordings) results.push(await desk.play(recording, options));
  return results;
}

async function playOne(recording: Recording, options?: FrozenOptions): Promise<FrozenResult> {
  return (await play([recording], options))[0]!;
}

/** A recording with some records changed. */
function edited(recording: Recording, change: (record: StoredRecord) => StoredRecord): Recording {
  return { ...recording, records: recording.records.map(change) };
}

const isAnswerOf =
  (operation: string) =>
  ({ type, clear }: StoredRecord): boolean =>
    type === "host.answer" && `${clear.service}.${clear.operation}` === operation;

describe("frozen replay", () => {
  it("comes to all that was recorded, twice, with equal hashes", async () => {
    const [first, second] = [await play(all), await play(all, { verify: true })];
    for (const result of [...first, ...second])
      expect({ id: result.id, status: result.status, what: result.divergence?.what }).toEqual({
        id: result.id,
        status: "passed",
        what: undefined,
      });
    const hashes = (results: readonly FrozenResult[]) =>
      results.map(({ id, transcriptHash, stateHash }) => ({ id, transcriptHash, stateHash }));
    expect(hashes(second)).toEqual(hashes(first));
    expect(first.reduce((n, { turns }) => n + turns, 0)).toBeGreaterThan(100);
  }, 120_000);

  it("comes to it through crashes after every second record", async () => {
    const some = all.filter((_, i) => i % 12 === 0);
    const whole = await play(some);
    const crashed = await play(some, { crashEvery: 2 });
    for (const [i, result] of crashed.entries()) {
      expect(result).toMatchObject({ status: "passed", lostMessages: 0, duplicatedSkillCalls: 0 });
      expect(result.crashes).toBeGreaterThan(2);
      expect(result.stateHash).toBe(whole[i]!.stateHash);
      expect(result.transcriptHash).toBe(whole[i]!.transcriptHash);
    }
  }, 120_000);

  it("comes to it whatever order there is among what does not depend on each other", async () => {
    const whole = await play(all);
    const others = await play(all, { reorder: "a", verify: true, keep: true });
    const crashed = await play(all.slice(0, 12), { reorder: "b", crashEvery: 2 });
    const order = ({ records }: Recording) => records.map(({ id }) => id);
    for (const [i, { status, stateHash, transcriptHash, recording }] of others.entries()) {
      expect({ status, stateHash, transcriptHash }).toEqual({
        status: "passed",
        stateHash: whole[i]!.stateHash,
        transcriptHash: whole[i]!.transcriptHash,
      });
      expect(order(recording!)).not.toEqual(order(all[i]!));
    }
    for (const [i, { status, stateHash, duplicatedSkillCalls }] of crashed.entries())
      expect({ status, stateHash, duplicatedSkillCalls }).toEqual({
        status: "passed",
        stateHash: whole[i]!.stateHash,
        duplicatedSkillCalls: 0,
      });
  }, 120_000);

  it("comes to it in processes that are killed with kill -9", async () => {
    const whole = await playOne(sample);
    const file = `${FOLDER}/${sample.header.id}.scenario.jsonl`;
    const killed = await playKilled(file, sample.header.id, { every: 9 });
    expect(killed).toMatchObject({
      status: "passed",
      lostMessages: 0,
      duplicatedSkillCalls: 0,
      stateHash: whole.stateHash,
      transcriptHash: whole.transcriptHash,
    });
    expect(killed.crashes).toBeGreaterThan(0);
  }, 120_000);

  it("comes to the same states through a real server", async () => {
    const some = all.filter((_, i) => i % 15 === 0);
    const server = await startTestServer();
    const bus = await server.connect();
    const desk = new FrozenDesk({ bus });
    try {
      const inMemory = await play(some);
      for (const [i, recording] of some.entries()) {
        const { status, stateHash } = await desk.play(recording, { crashEvery: 5 });
        expect({ status, stateHash }).toEqual({ status: "passed", stateHash: inMemory[i]!.stateHash });
      }
    } finally {
      await desk.close();
      await bus.close();
      await server.stop();
    }
  }, 120_000);

  it("diverges where a skill is asked with something else", async () => {
    const at = sample.records.findIndex(isAnswerOf("orders.match"));
    const changed = edited(sample, (record) =>
      record === sample.records[at]
        ? { ...record, data: { ...record.data, input: { text: "another" } } }
        : record,
    );
    const result = await playOne(changed);
    expect(result.status).toBe("diverged");
    expect(result.divergence).toMatchObject({
      seq: sample.records[at]!.seq,
      what: "orders.match is asked with something else",
    });
    expect(await playOne(changed, { match: "tolerant" })).toMatchObject({ status: "passed" });
  });

  it("diverges at the first reply that follows from another answer", async () => {
    const at = sample.records.findIndex(isAnswerOf("orders.match"));
    const changed = edited(sample, (record) =>
      record === sample.records[at]
        ? {
            ...record,
            data: JSON.parse(JSON.stringify(record.data).replaceAll("Espresso Machine", "Teapot")),
          }
        : record,
    );
    const result = await playOne(changed);
    const reply = sample.records.find(
      ({ type, data, seq }) =>
        type === "reply" && seq > sample.records[at]!.seq && String(data.text).includes("Espresso Machine"),
    )!;
    expect(result.status).toBe("diverged");
    expect(result.divergence).toMatchObject({
      seq: reply.seq,
      expected: expect.stringContaining("Espresso Machine"),
      got: expect.stringContaining("Teapot"),
    });
  });

  it("diverges where an answer is missing, and says what is left over", async () => {
    const { records } = sample;
    const without = (operation: string): Recording => ({
      ...sample,
      records: records.filter((record) => !isAnswerOf(operation)(record)),
    });
    const lost = await playOne(without("orders.match"));
    expect(lost.status).toBe("diverged");
    expect(lost.lostMessages).toBeGreaterThan(0);
    // The customer was silent, as far as the recording says: nobody asked for what is answered there.
    const silent = { ...sample, records: records.filter(({ type }) => type !== "customer.message") };
    expect((await playOne(silent)).divergence?.what).toMatch(/was not asked/);
  });

  it("diverges where the desk says more than it did", async () => {
    const last = sample.records.findLastIndex(({ type }) => type === "reply");
    const { id } = sample.records[last]!;
    const shorter = { ...sample, records: sample.records.filter((record) => record.id !== id) };
    expect(await playOne(shorter)).toMatchObject({
      status: "diverged",
      divergence: { what: expect.stringMatching(/^the desk says “/) },
    });
  });

  it("lets what happens inside be another thing, but not where everything is to be verified", async () => {
    const inside = ({ type, from, to }: StoredRecord): boolean =>
      from.kind === "conversation" && to.kind === "task" && type !== "host.ask";
    const at = sample.records.find(inside)!;
    const changed = edited(sample, (record) =>
      record === at ? { ...record, data: { ...record.data, note: "of another release" } } : record,
    );
    expect(await playOne(changed)).toMatchObject({ status: "passed" });
    expect(await playOne(changed, { verify: true })).toMatchObject({
      status: "diverged",
      divergence: { seq: at.seq },
    });
  });
});
