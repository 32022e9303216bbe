import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { classify, lookUp, orderIn, replyOf, replyTo } from "../support-turn.ts";
import { benchPeers, PEERS_DIR, type PeerMeasured } from "./peers.ts";
import { peerRows, readPeerBudgets } from "./rows.ts";

describe("the support graph", () => {
  it("answers a question about an order, and asks back otherwise", () => {
    expect(classify("When does my order come?")).toBe("order_status");
    expect(classify("hello")).toBe("other");
    expect(orderIn("about W1000004, please")).toBe("W1000004");
    expect(replyOf(4)).toBe("Order W1000004 is delivered.");
    expect(replyTo("other", lookUp(""))).toBe("What is it about?");
  });
});

describe("peers", () => {
  it("play the same turns here, by hand over NATS, and on plain XState; what is not installed is left out and said", async () => {
    const { measured, leftOut } = await benchPeers({
      rounds: 1,
      seconds: 0.2,
      aloneSeconds: 0.1,
      window: 8,
      conversations: 20,
      fresh: 3,
      turns: 2,
      interruptedSeconds: 1,
    });
    const names = measured.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["bailiwick", "nats", "xstate"]));
    for (const { rates, alone, bytes } of measured) {
      expect(rates[0]).toBeGreaterThan(0);
      expect(alone[0]!.count).toBeGreaterThan(0);
      expect(Number.isFinite(bytes.later)).toBe(true);
    }
    // Turns that a kill -9 has cut were all answered, or the counts would not agree; on plain XState nothing goes on by itself.
    const gap = (name: string) => measured.find((peer) => peer.name === name)!.gapMs;
    expect(gap("bailiwick")).toBeGreaterThan(0);
    expect(gap("nats")).toBeGreaterThan(0);
    expect(gap("xstate")).toBeUndefined();
    if (existsSync(join(PEERS_DIR, "node_modules"))) return;
    expect(leftOut.map(({ name }) => name)).toEqual(["langgraph", "restate"]);
    expect(leftOut[0]!.why).toMatch(
      /npm ci --prefix bench\/peers, then: @langchain\/langgraph is not installed/,
    );
  }, 120_000);
});

describe("rows", () => {
  const latency = (p50: number) => ({
    count: 1,
    mean: p50,
    p50,
    p90: p50,
    p95: p50,
    p99: p50,
    p999: p50,
    max: p50,
  });
  const peer = (name: string, rate: number, more: Partial<PeerMeasured> = {}): PeerMeasured => ({
    name,
    versions: {},
    rates: [rate / 2, rate, rate * 2],
    alone: [latency(2)],
    bytes: { first: 2_000, later: 2_200 },
    gapMs: 400,
    ...more,
  });
  const missed = (measured: PeerMeasured[]): string[] =>
    peerRows(measured, readPeerBudgets())
      .filter(({ held }) => held === false)
      .map(({ name }) => name);

  it("hold ours alone, against each other one", () => {
    const others = [
      peer("nats", 4_000),
      peer("langgraph", 200),
      peer("restate", 300, { alone: [latency(9)] }),
    ];
    expect(missed([peer("bailiwick", 1_200), ...others])).toEqual([]);
    expect(missed([peer("bailiwick", 880), ...others])).toEqual([
      "peers.turns.bailiwick",
      "peers.turns.of-nats",
      "peers.turns.of-restate",
    ]);
    const worse = { alone: [latency(4)], bytes: { first: 3_000, later: 5_000 }, gapMs: 1_500 };
    expect(missed([peer("bailiwick", 1_200, worse), ...others])).toEqual([
      "peers.alone.bailiwick",
      "peers.bytes.bailiwick",
      "peers.growth.bailiwick",
      "peers.interrupted.bailiwick",
    ]);
    // What was not measured is absent, and never 0.
    const rows = peerRows([peer("bailiwick", 1_200), peer("xstate", 9, { gapMs: undefined })], undefined);
    expect(rows.map(({ name }) => name)).not.toContain("peers.interrupted.xstate");
    expect(rows.every(({ held }) => held === undefined)).toBe(true);
  });
});
