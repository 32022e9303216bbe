/** Several nodes that share one workspace (architecture section 5, L9). */
import { afterEach, describe, expect, it } from "vitest";
import { address } from "./address.ts";
import { UnavailableError } from "./engine.ts";
import type { StoredRecord } from "./envelope.ts";
import type { Service } from "./host/service.ts";
import { channel, counter } from "./host/test-machines.ts";
import { newId } from "./ids.ts";
import { TestNodes } from "./testing-nodes.ts";

const NAMES = ["a", "b", "c"];
const definitions = [counter, channel];
const counters = Array.from({ length: 24 }, (_, i) => address("counter", `n${i}`));

let nodes: TestNodes;
afterEach(() => nodes?.stop());

const total = async (via: string, to: (typeof counters)[number]): Promise<unknown> =>
  (await nodes.node(via).read(to))?.view.total;

/** Retried as a client does that is told to come back. */
async function sent(via: string, to: (typeof counters)[number], type: string, data = {}): Promise<void> {
  const id = newId();
  for (;;) {
    try {
      await nodes.send(via, to, type, data, id);
      return;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe("nodes that share a workspace", () => {
  it("own each partition once, and any of them serves any actor", async () => {
    nodes = await TestNodes.start(NAMES, { definitions });
    await nodes.until(() => {
      const owned = nodes.all().map((node) => Number((node.status().cluster as any).partitions.owned));
      return owned.every((n) => n > 0) && owned.reduce((a, b) => a + b) === 8;
    }, "each partition to have one owner");
    for (const [i, to] of counters.entries()) await nodes.send(NAMES[i % 3]!, to, "add", { n: i });
    for (const [i, to] of counters.entries()) {
      for (const via of NAMES) {
        await nodes.until(async () => (await total(via, to)) === i, `${to.id} to be read at ${via}`);
      }
    }
    const folded = nodes.all().map((node) => Number((node.status().host as any).folded));
    expect(folded.reduce((a, b) => a + b)).toBe(counters.length);
    const listed = await nodes.node("b").list("counter");
    expect(listed.map((view) => view.address.id).sort()).toEqual(counters.map((to) => to.id).sort());
  });

  it("shows live events at any node, each once and in order", async () => {
    nodes = await TestNodes.start(NAMES, { definitions });
    const seen = new Map<string, StoredRecord[]>(NAMES.map((name) => [name, []]));
    for (const name of NAMES) nodes.node(name).follow("n0", (record) => seen.get(name)!.push(record));
    for (let i = 0; i < 10; i++) await nodes.send(NAMES[i % 3]!, counters[0]!, "say", { text: `line ${i}` });
    await nodes.until(() => NAMES.every((name) => seen.get(name)!.length === 10), "all events everywhere");
    for (const records of seen.values()) {
      expect(records.map((r) => r.data.text)).toEqual(Array.from({ length: 10 }, (_, i) => `line ${i}`));
      expect(records.map((r) => r.seq)).toEqual(records.map((r) => r.seq).sort((x, y) => x - y));
    }
  });

  it("a dead node's actors go on elsewhere: state, timers and open asks, each effect once", async () => {
    const called: string[] = [];
    const repeated: string[] = [];
    let hangs = true;
    const service: Service = {
      name: "test",
      operations: {
        work: async ({ of }, { idempotencyKey, again }) => {
          called.push(`${of} ${idempotencyKey}`);
          if (again) repeated.push(String(of));
          return hangs ? new Promise(() => {}) : { of: of! };
        },
      },
    };
    nodes = await TestNodes.start(NAMES, { definitions, services: [service] });
    for (const to of counters) {
      await sent("a", to, "add");
      await sent("b", to, "ask", { operation: "work", of: to.id, timeoutMs: 60_000 });
    }
    await nodes.until(() => called.length >= counters.length, "every ask to be under way");
    const owned: typeof counters = [];
    for (const to of counters) if ((await nodes.ownerOf(to)) === "c") owned.push(to);
    expect(owned.length).toBeGreaterThan(0);
    await nodes.crash("c");
    hangs = false;
    for (const to of counters) await sent("a", to, "add");
    for (const to of counters)
      await nodes.until(async () => (await total("b", to)) === 2, `${to.id} to go on`);
    // Those of the living are still open; those of the dead one were asked again under the same key, and answered.
    for (const to of owned) {
      const answers = async () => (await nodes.node("a").read(to))?.view.answers;
      await nodes.until(async () => ((await answers()) as unknown[]).length === 1, `the answer of ${to.id}`);
      const keys = called.filter((call) => call.startsWith(`${to.id} `));
      expect(keys).toHaveLength(2);
      expect(new Set(keys).size).toBe(1);
    }
    // What is noted at this node does not say whether they were made: the agent is told.
    expect(repeated.sort()).toEqual(owned.map((to) => to.id).sort());
  });

  it("an ask of a dead node's is known as one also to a successor that was started again since", async () => {
    const called: { node: string; of: string; again: boolean }[] = [];
    const serving = (node: string): Service => ({
      name: "test",
      operations: {
        work: ({ of }, { again = false }) => {
          called.push({ node, of: String(of), again });
          return new Promise(() => {});
        },
      },
    });
    const to = counters[0]!;
    const ask = (of: string) => sent("b", to, "ask", { operation: "work", of, timeoutMs: 60_000 });
    nodes = await TestNodes.start(["a"], { definitions, services: [serving("a")] });
    await sent("a", to, "ask", { operation: "work", of: "first", timeoutMs: 60_000 });
    await nodes.until(() => called.length === 1, "it to be asked");
    await nodes.up("b", { services: [serving("b")] });
    await nodes.crash("a");
    await nodes.until(() => called.length === 2, "it to be asked by the next owner");
    await ask("second");
    await nodes.until(() => called.length === 3, "another ask of that one");
    for (let n = 0; n < 2; n++) {
      await nodes.crash("b");
      await nodes.up("b", { services: [serving("b")] });
      await nodes.until(() => called.length === 5 + 2 * n, "both to be asked again");
    }
    expect(called.map(({ node, of, again }) => `${node} ${of} ${again}`)).toEqual([
      "a first false",
      "b first true",
      "b second false",
      "b first true",
      "b second false",
      "b first true",
      "b second false",
    ]);
  });

  it("a partition is handed over as soon as what was asked in it is answered", async () => {
    const patience = 120_000;
    let answer = (): void => {};
    let calls = 0;
    const service: Service = {
      name: "test",
      operations: {
        work: () =>
          new Promise((resolve) => {
            calls++;
            answer = () => resolve({ of: "it" });
          }),
      },
    };
    nodes = await TestNodes.start(["a"], {
      definitions,
      services: [service],
      host: { releaseMs: patience },
      cluster: { node: "", releaseTimeoutMs: patience, drainTimeoutMs: patience },
    });
    await sent("a", counters[0]!, "ask", { operation: "work", of: "it", timeoutMs: patience });
    await nodes.until(() => calls === 1, "it to be asked");
    const down = nodes.down("a");
    answer();
    await down;
    await nodes.up("a");
    const answers = async () => (await nodes.node("a").read(counters[0]!))?.view.answers as unknown[];
    await nodes.until(async () => (await answers())?.length === 1, "the answer");
    expect(calls).toBe(1);
  });

  it("nothing fails and nothing is lost while nodes are started again one after the other", async () => {
    nodes = await TestNodes.start(NAMES, { definitions });
    const failures: unknown[] = [];
    let expected = 0;
    let running = true;
    let leaving = "";
    let using = "";
    const load = async (): Promise<void> => {
      for (let i = 0; running; i++) {
        const to = counters[i % counters.length]!;
        using = nodes.names().find((name) => name !== leaving)!;
        try {
          await nodes.send(using, to, "add");
          expected++;
          await nodes.node(using).read(to);
        } catch (error) {
          failures.push(error);
        }
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
    };
    const loading = load();
    for (const name of NAMES) {
      leaving = name;
      // As whoever sends customers to gateways would: no more to this one, and what it has is let finish.
      await nodes.until(() => using !== name, "nobody to be at the gateway that leaves");
      await nodes.down(name);
      await nodes.up(name);
      leaving = "";
    }
    running = false;
    await loading;
    expect(failures).toEqual([]);
    await nodes.until(async () => {
      let sum = 0;
      for (const to of counters) sum += Number((await total("b", to)) ?? 0);
      return sum === expected;
    }, "every message to be folded once");
  });
});
