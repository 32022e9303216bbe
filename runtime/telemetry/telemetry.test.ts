import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLog, type ProcessLog, withCorrelation } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { maskText } from "./redact.ts";
import { childTraceparent, formatTraceparent, newTrace, parseTraceparent } from "./trace.ts";

let dir: string;
const logs: ProcessLog[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "bw-log-"));
});
afterEach(async () => {
  for (const log of logs.splice(0)) await log.close();
  rmSync(dir, { recursive: true, force: true });
});

function open(options: Partial<Parameters<typeof openLog>[0]> = {}): ProcessLog {
  const log = openLog({ dir: join(dir, "logs"), ...options });
  logs.push(log);
  return log;
}

async function lines(log: ProcessLog): Promise<Record<string, any>[]> {
  await log.flush();
  return readFileSync(log.file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe("the log", () => {
  it("writes JSON lines to a file of this user alone", async () => {
    const log = open({ base: { node: "n1" } });
    log.logger.info({ partition: 3 }, "took over");
    log.logger.debug("not at this level");
    expect(await lines(log)).toEqual([
      expect.objectContaining({ level: "info", node: "n1", partition: 3, msg: "took over" }),
    ]);
    expect(statSync(log.file).mode & 0o077).toBe(0);
  });

  it("keeps personal data and secrets out, wherever they are", async () => {
    const log = open();
    const secrets = ["grace@example.com", "Navy Street", "4111 1111 1111 1111", "hunter2", "where is my"];
    const child = log.logger.child({ email: secrets[0] });
    child.info(
      { id: "o1", customer: { name: "G" }, deep: { list: [{ address: { line1: secrets[1] } }] } },
      `by ${secrets[0]}`,
    );
    log.logger.warn(
      { headers: { Authorization: `Bearer ${secrets[3]}` }, text: `${secrets[4]} order` },
      "refused",
    );
    log.logger.error(new Error(`no customer ${secrets[0]} with card ${secrets[2]}`));
    const cause = new Error(`nats://u:${secrets[3]}@host`);
    log.logger.error({ err: new Error("outer", { cause }) }, "failed for %s", secrets[0]);
    const all = JSON.stringify(await lines(log));
    for (const secret of secrets) expect(all).not.toContain(secret);
    expect(all).toContain('"id":"o1"');
    expect(all).toContain("no customer [email] with card [number]");
    expect(all).toContain("outer");
  });

  it("leaves ids and times as they are", () => {
    for (const text of [
      "conversation 01996d0a-5f3e-7abc-9def-001122334455 at 2026-11-22T10:11:12.123Z",
      "record 1234 of bw.main.log.7 took 12.5 ms",
      "order W1234567",
    ]) {
      expect(maskText(text)).toBe(text);
    }
    expect(maskText("call +44 20 7946 0958 now")).toBe("call [number] now");
  });

  it("puts the correlation on every line within", async () => {
    const log = open();
    await withCorrelation({ correlation: "r1" }, async () => {
      await sleep(1);
      withCorrelation({ conversation: "c1" }, () => log.logger.info("inner"));
      log.logger.info("outer");
    });
    log.logger.info("outside");
    const [inner, outer, outside] = await lines(log);
    expect(inner).toMatchObject({ correlation: "r1", conversation: "c1" });
    expect(outer).toMatchObject({ correlation: "r1" });
    expect(outside).not.toHaveProperty("correlation");
  });

  it("rotates by size, keeps so many, and loses no line of them", async () => {
    const log = open({ maxBytes: 2_000, keep: 3 });
    for (let i = 0; i < 100; i++) log.logger.info({ i }, "line");
    await log.close();
    const names = readdirSync(join(dir, "logs")).sort();
    expect(names).toEqual(["bailiwick.log", "bailiwick.log.1", "bailiwick.log.2", "bailiwick.log.3"]);
    const numbers = [3, 2, 1, 0].flatMap((n) =>
      readFileSync(join(dir, "logs", n === 0 ? "bailiwick.log" : `bailiwick.log.${n}`), "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line).i as number),
    );
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, k) => 100 - numbers.length + k));
    expect(numbers.length).toBeGreaterThan(40);
  });

  it("goes on in the same file after a restart", async () => {
    const first = open();
    first.logger.info("one");
    await first.close();
    first.logger.info("dropped");
    const second = open();
    second.logger.info("two");
    expect((await lines(second)).map((l) => l.msg)).toEqual(["one", "two"]);
  });
});

describe("metrics", () => {
  it("are counted apart for two desks and printed for Prometheus", async () => {
    const [a, b] = [createMetrics({ labels: { node: "a" } }), createMetrics()];
    a.turnStage.observe({ stage: "understand" }, 0.012);
    a.records.inc({ kind: "conversation", type: "customer.message" });
    expect(await a.text()).toContain(
      'bailiwick_turn_stage_seconds_bucket{le="0.025",node="a",stage="understand"} 1',
    );
    expect(await b.text()).not.toContain("understand");
    expect(a.counter("x_total", "x")).toBe(a.counter("x_total", "x"));
    expect(await createMetrics({ process: true }).text()).toContain("process_cpu_seconds_total");
  });
});

describe("trace context", () => {
  const valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  it("is read and written", () => {
    expect(formatTraceparent(parseTraceparent(valid)!)).toBe(valid);
    expect(parseTraceparent(formatTraceparent(newTrace(false)))?.sampled).toBe(false);
  });

  it("keeps the trace in a child, with a span of its own", () => {
    const child = parseTraceparent(childTraceparent(valid))!;
    expect(child.traceId).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(child.spanId).not.toBe("b7ad6b7169203331");
    expect(parseTraceparent(childTraceparent("nonsense"))).toBeDefined();
  });

  it.each([
    undefined,
    "",
    "00-0-0-01",
    valid.toUpperCase(),
    valid.replace(/^00/, "ff"),
    `${valid}-more`,
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
  ])("refuses %j", (bad) => {
    expect(parseTraceparent(bad)).toBeUndefined();
  });

  it("accepts what a later version adds", () => {
    expect(parseTraceparent(valid.replace(/^00/, "01").concat("-more"))).toBeDefined();
  });
});
