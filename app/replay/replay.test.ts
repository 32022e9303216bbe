import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { asset } from "../../runtime/config/paths.ts";
import { START_MS, say, TestedDesk } from "../testing.ts";
import { run } from "../testing-cli.ts";

const RECORDINGS = asset("scenarios", "shop", "recordings");
const CANCEL = join(RECORDINGS, "cancel-order.confirmed.scenario.jsonl");
const STATUS = join(RECORDINGS, "order-status.by-item.scenario.jsonl");

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "replay-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** The shipped playbooks as a company's own, to be changed, and a configuration that names them alone. */
async function ownPlaybooks(): Promise<{ playbooks: string; config: string }> {
  const playbooks = join(dir, "playbooks");
  await cp(asset("actors", "playbooks", "shop"), playbooks, {
    recursive: true,
    filter: (file) => !file.endsWith(".ts"),
  });
  const config = join(dir, "bailiwick.yaml");
  await writeFile(config, `playbooks: { shipped: false, dirs: [${JSON.stringify(playbooks)}] }\n`);
  return { playbooks, config };
}

describe("replay of recordings", () => {
  it("is frozen, and answers what contracts promise", async () => {
    const { code, out } = await run("replay", CANCEL, STATUS, "--times", "2", "--verify", "--json");
    const { scenarios, passed, failed, turnsPerSecond } = JSON.parse(out);
    expect({ code, passed, failed }).toEqual({ code: 0, passed: 2, failed: 0 });
    expect(turnsPerSecond).toBeGreaterThan(0);
    expect(scenarios[0]).toMatchObject({
      id: "cancel-order.confirmed",
      status: "passed",
      lostMessages: 0,
      duplicatedSkillCalls: 0,
    });
    expect(scenarios[0].skillCalls).toBeGreaterThan(3);
    for (const hash of ["transcriptHash", "stateHash"]) expect(scenarios[0][hash]).toMatch(/^[0-9a-f]{64}$/);
  }, 60_000);

  it("finds the recording of a scenario that was written by hand", async () => {
    const scenario = asset("scenarios", "shop", "cancel-order.confirmed.scenario.yaml");
    const { code, out } = await run("replay", scenario, "--mode", "frozen", "--crash-every", "2", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ passed: 1, crashes: expect.any(Number) });
    const alone = join(dir, "alone.scenario.yaml");
    await writeFile(alone, "name: alone\nsteps:\n  - customer: Hello\n");
    expect(await run("replay", alone, "--mode", "frozen")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/alone\.scenario\.yaml has no recording .*--mode live --record/),
    });
  }, 60_000);

  it("names the first step that another playbook changes, of each that it changes, and shows both", async () => {
    const { playbooks, config } = await ownPlaybooks();
    const file = join(playbooks, "cancel-order.yaml");
    const text = await readFile(file, "utf8");
    expect(text).toContain("goes back to the payment method");
    await writeFile(file, text.replaceAll("goes back to the payment method", "is paid back to the method"));
    const came = join(dir, "came");
    const { code, out } = await run("--config", config, "replay", CANCEL, STATUS, "--out", came, "--json");
    expect(code).toBe(1);
    const [cancel, status] = JSON.parse(out).scenarios;
    expect(status.status).toBe("passed");
    expect(cancel).toMatchObject({
      status: "diverged",
      firstDivergence: expect.stringMatching(/cancel-order\.confirmed at record \d+: .*Done: order/),
    });

    const page = join(dir, "diff.html");
    const compared = await run("diff", RECORDINGS, came, "--html", page, "--json");
    const { apart } = JSON.parse(compared.out);
    expect(compared.code).toBe(1);
    expect(apart).toHaveLength(1);
    expect(apart[0]).toMatchObject({
      id: "cancel-order.confirmed",
      first: {
        a: { words: expect.stringContaining("Done: order") },
        b: { words: expect.stringContaining("Done: order") },
      },
    });
    const html = await readFile(page, "utf8");
    expect(html).toContain(`goes apart at step ${apart[0].first.step}`);
    expect(html).not.toMatch(/<script|https?:/);
    const shown = await run("diff", CANCEL, join(came, "cancel-order.confirmed.scenario.jsonl"));
    expect(shown.out).toMatch(/goes apart at step \d+[\s\S]*≠[\s\S]*│/);
    expect(await run("diff", CANCEL, CANCEL)).toMatchObject({ code: 0 });
  }, 60_000);

  it.each([
    [["x.scenario.jsonl"], /x\.scenario\.jsonl does not exist/],
    [[CANCEL, "--mode", "slow"], /--mode slow is not known/],
    [
      [CANCEL, "--mode", "live-skills", "--times", "2"],
      /--times and --verify are for --mode frozen and live/,
    ],
    [[CANCEL, "--parallel", "2", "--mode", "live"], /--parallel and --log are for --mode frozen/],
    [[CANCEL, "--format", "csv"], /there are bailiwick and tau2/],
    [[CANCEL, "--format", "tau2", "--mode", "live"], /replayed frozen, not live/],
    [["--format", "tau2"], /needs the file of the runs/],
    [[CANCEL, "--format", "tau2"], /scenario\.jsonl:1: domain/],
    [[CANCEL, "--match", "loose"], /there are strict and tolerant/],
    [[CANCEL, "--record", "out"], /--record is for --mode live/],
    [[CANCEL, "--mode", "live", "--watch"], /--watch is for recordings/],
    [[CANCEL, "--mode", "live", "--match", "tolerant"], /--match is for recordings/],
    [[CANCEL, "--watch", "--json"], /--watch goes on and on/],
    [[CANCEL, "--mode", "live", "--crash-every", "2"], /--crash-every is for recordings/],
    [[CANCEL, "--mode", "live", "--reorder", "7"], /--reorder is for recordings/],
    [["--mode", "frozen", "--reorder", "7", "--times", "1"], /--reorder needs --times 2/],
  ])("refuses %j", async (args, message) => {
    expect(await run("replay", ...args)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });
});

describe("replay --watch", () => {
  it("plays again when a playbook has changed, also through one that is wrong for a moment", async () => {
    const { playbooks, config } = await ownPlaybooks();
    const bin = asset("bin", "bailiwick");
    const child = spawn(process.execPath, [bin, "--config", config, "replay", CANCEL, "--watch"]);
    let out = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text) => {
        out += text;
      });
    const seen = (what: RegExp) => expect.poll(() => out, { timeout: 30_000 }).toMatch(what);
    try {
      await seen(/1 passed, 0 failed[\s\S]*watching/);
      const file = join(playbooks, "cancel-order.yaml");
      const text = await readFile(file, "utf8");
      await writeFile(file, "intents: [");
      await seen(/cancel-order\.yaml has changed[\s\S]*cancel-order\.yaml:/);
      await writeFile(file, text.replaceAll("goes back to the payment method", "is paid back to the method"));
      await seen(/0 passed, 1 failed/);
    } finally {
      const ended = child.exitCode === null ? once(child, "exit") : undefined;
      child.kill("SIGINT");
      await ended;
    }
  }, 120_000);
});

describe("replay of other agents' runs", () => {
  it("goes through the desk's actors, then frozen, and counts records", async () => {
    const call = { id: "a", name: "get_user", arguments: { phone: "1" }, requestor: "assistant" };
    const recorded = (content: string) => ({
      domain: "telecom",
      task_id: "t",
      messages: [
        { role: "user", content: "Who am I?" },
        { role: "assistant", tool_calls: [call] },
        { role: "tool", id: "a", content: "Ann" },
        ...(content === "" ? [] : [{ role: "assistant", content }]),
        { role: "user", content: "Bye. ###STOP###" },
      ],
    });
    const file = join(dir, "runs.jsonl");
    await writeFile(
      file,
      [recorded("You are Ann."), recorded("")].map((each) => JSON.stringify(each)).join("\n"),
    );
    const out = join(dir, "came");
    const { code, out: text } = await run(
      "replay",
      "--format",
      "tau2",
      file,
      "--times",
      "2",
      "--verify",
      "--out",
      out,
      "--json",
    );
    expect(code).toBe(1);
    const { scenarios, passed, failed, recordsPerTurn } = JSON.parse(text);
    expect({ passed, failed }).toEqual({ passed: 1, failed: 1 });
    expect(scenarios[0]).toMatchObject({ id: "telecom-t-1", status: "passed", skillCalls: 1, messages: 3 });
    expect(scenarios[0].stateHash).toMatch(/^[0-9a-f]{64}$/);
    expect(scenarios[1].firstDivergence).toMatch(
      /runs\.jsonl:2: telecom-t-2 at message 3: the customer writes/,
    );
    expect(recordsPerTurn.model).toBeGreaterThan(0);
    expect(await run("replay", out)).toMatchObject({ code: 0 });
  }, 60_000);
});

describe("step", () => {
  it("shows each record with what it did to its actor", async () => {
    const page = join(dir, "steps.html");
    const { code, out } = await run("step", CANCEL, "--html", page, "--json");
    expect(code).toBe(0);
    const { steps } = JSON.parse(out);
    const asked = steps.find(({ words }: { words: string }) => words.startsWith("writes “"));
    expect(asked).toMatchObject({ before: "listening", value: "understanding" });
    expect(asked.actor).toMatch(/^conversation\//);
    expect(asked.changed.length).toBeGreaterThan(0);
    expect(steps.at(-1).step).toBe(steps.length);
    const html = await readFile(page, "utf8");
    expect(html).toContain("listening → understanding");
    expect(html).not.toMatch(/<script|https?:/);
    const one = await run("step", CANCEL, "--at", String(asked.step));
    expect(one.out).toMatch(
      /listening → understanding[\s\S]*"transcript"|listening → understanding[\s\S]*\{/,
    );
    expect(await run("step", CANCEL, "--at", "9999")).toMatchObject({ code: 2 });
  }, 60_000);
});

describe("fork", () => {
  it("goes another way from a step on, and shows both", async () => {
    const records = (await readFile(CANCEL, "utf8")).trimEnd().split("\n").slice(1);
    const yes = records.map((line) => JSON.parse(line)).filter(({ type }) => type === "customer.message")[1]!;
    expect(yes.data.text).toBe("yes please");
    const out = join(dir, "forks");
    const flags = ["--data-dir", join(dir, "data"), "fork", CANCEL, "--at", String(yes.seq)];
    const { code, out: text } = await run(...flags, "--say", "no, leave it", "--out", out, "--json");
    expect(code).toBe(0);
    const forked = JSON.parse(text);
    expect(forked).toMatchObject({
      same: false,
      first: { a: { words: "writes “yes please”" }, b: { words: "writes “no, leave it”" } },
    });
    expect(forked.answered.live).toBeGreaterThan(0);
    const came = await readFile(join(out, "cancel-order.confirmed.fork.scenario.jsonl"), "utf8");
    expect(came).toContain("All right, I've left order");
    expect(came).not.toContain("is cancelled, and $446.00 goes back");
    expect(await run("replay", out)).toMatchObject({ code: 0 });
  }, 180_000);

  it("goes as if the customer had been in another arm of an experiment", async () => {
    const { playbooks, config } = await ownPlaybooks();
    const text = await readFile(join(playbooks, "cancel-order.yaml"), "utf8");
    expect(text).toMatch(/^version: 1$/m);
    const second = text
      .replace(/^version: 1$/m, "version: 2")
      .replaceAll("goes back to the payment method", "is paid back to the method");
    await writeFile(join(playbooks, "cancel-order-2.yaml"), second);
    await writeFile(
      config,
      `${await readFile(config, "utf8")}experiments: { wording: { arms: { new: { share: 0.5, playbooks: { cancel-order: 2 } } } } }\n`,
    );
    const flags = ["--config", config, "--data-dir", join(dir, "data"), "fork", CANCEL];
    const { code, out } = await run(...flags, "--arm", "wording=new", "--json");
    expect(code).toBe(0);
    const forked = JSON.parse(out);
    expect(forked.same).toBe(false);
    const whole = join(dir, "arm");
    await run(...flags, "--arm", "wording=new", "--out", whole);
    expect(await readFile(join(whole, "cancel-order.confirmed.fork.scenario.jsonl"), "utf8")).toContain(
      "is paid back to the method",
    );
    for (const [wrong, says] of [
      [["--arm", "wording=other"], /--arm wording=other is not configured: there are wording=new/],
      [["--arm", "wording=new", "--say", "no"], /leave --at and --say out/],
    ] as const)
      expect(await run(...flags, ...wrong)).toMatchObject({ code: 2, err: expect.stringMatching(says) });
  }, 180_000);

  it("says what can't be forked", async () => {
    expect(await run("fork", CANCEL)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/does not go apart as things are: say with --at/),
    });
    const flags = ["--data-dir", join(dir, "data"), "fork", CANCEL, "--at", "999999"];
    expect(await run(...flags)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/has no record 999999/),
    });
  }, 180_000);
});

describe("gate", () => {
  it("fails with the list of what went apart, and passes when nothing did", async () => {
    const text = await readFile(CANCEL, "utf8");
    await writeFile(join(dir, "good.scenario.jsonl"), text);
    const file = join(dir, "gate.yaml");
    await writeFile(file, "recordings: [good.scenario.jsonl]\n");
    const good = await run("gate", "--file", file, "--no-live", "--json");
    expect(JSON.parse(good.out)).toMatchObject({ passed: 2, failed: 0 });
    expect(good.code).toBe(0);

    await writeFile(
      join(dir, "bad.scenario.jsonl"),
      text.replaceAll("Espresso Machine $446.00", "Teapot $446.00"),
    );
    await writeFile(file, "recordings: [good.scenario.jsonl, bad.scenario.jsonl]\n");
    const twice = await run("gate", "--file", file, "--no-live", "--json");
    expect(twice.code).toBe(1);
    await writeFile(file, "recordings: [bad.scenario.jsonl]\n");
    const bad = await run("gate", "--file", file, "--no-live", "--json");
    expect(bad.code).toBe(1);
    const { checks } = JSON.parse(bad.out);
    expect(checks.find(({ name }: { name: string }) => name === "recordings")).toMatchObject({
      ok: false,
      failures: [expect.stringMatching(/bad\.scenario\.jsonl: cancel-order\.confirmed at record \d+/)],
    });
  }, 120_000);

  it("refuses a file that says what it does not know", async () => {
    const file = join(dir, "gate.yaml");
    await writeFile(file, "recordings: []\nbudget: 3\n");
    expect(await run("gate", "--file", file)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/gate\.yaml: .*budget/),
    });
    expect(await run("gate", "--file", join(dir, "none.yaml"))).toMatchObject({ code: 2 });
  });
});

describe("record", () => {
  let desk: TestedDesk;
  beforeAll(async () => {
    desk = await TestedDesk.start();
  }, START_MS);
  afterAll(() => desk.remove());

  it("cuts a conversation of the running desk out, without who it was, and it replays", async () => {
    const { customer, order } = await desk.customerWith(({ status }) => status === "shipped");
    const driver = await desk.conversation();
    expect(await say(driver, `Where is ${order.id}? I am ${customer.email}`)).toContain(order.id);
    await say(driver, "Thanks, that was all");
    const file = join(dir, "kept.scenario.jsonl");
    const flags = ["--data-dir", desk.dataDir];
    const recorded = await run(...flags, "record", driver.id, "--out", file, "--json");
    expect(recorded).toMatchObject({ code: 0 });
    expect(JSON.parse(recorded.out)).toMatchObject({ file, redacted: true, replays: true, messages: 4 });
    const text = await readFile(file, "utf8");
    for (const personal of [customer.email, customer.lastName, order.id, customer.address.line1])
      expect(text, personal).not.toContain(personal);
    expect(await run("replay", file)).toMatchObject({ code: 0 });

    const raw = join(dir, "raw.scenario.jsonl");
    expect(await run(...flags, "record", driver.id, "--out", raw, "--raw")).toMatchObject({ code: 0 });
    expect(await readFile(raw, "utf8")).toContain(order.id);
    expect(await readFile(desk.desk.logFile, "utf8")).toContain("recorded with what people wrote");
  }, 60_000);

  it("records all that are like something, each into a file that replays", async () => {
    const flags = ["--data-dir", desk.dataDir];
    const person = await desk.conversation();
    await say(person, "I want to talk to a human please");
    const other = await desk.conversation();
    await say(other, "What are your opening hours?");
    const kept = async (...like: string[]) => {
      const out = join(dir, `kept ${like.join(" ")}`);
      const result = await run(...flags, "record", ...like, "--out", out, "--json");
      expect(result).toMatchObject({ code: 0 });
      const { recordings, examined } = JSON.parse(result.out);
      expect(examined).toBeGreaterThanOrEqual(recordings.length);
      for (const { replays, redacted } of recordings)
        expect({ replays, redacted }).toEqual({ replays: true, redacted: true });
      return { out, ids: recordings.map(({ conversation }: any) => conversation) };
    };
    const handedOff = await kept("--outcome", "handed_off", "--channel", "chat");
    expect(handedOff.ids).toEqual([person.id]);
    expect(await readdir(handedOff.out)).toEqual([`${person.id}.scenario.jsonl`]);
    expect(await run("replay", handedOff.out)).toMatchObject({ code: 0 });
    expect((await kept("--all")).ids.slice(0, 2).sort()).toEqual([other.id, person.id].sort());
    expect((await kept("--all", "--limit", "1")).ids).toHaveLength(1);
    expect((await kept("--since", "2099-01-01")).ids).toEqual([]);
    expect((await kept("--until", "2020-01-01", "--outcome", "handed_off")).ids).toEqual([]);
    expect((await kept("--intent", "no_such_intent")).ids).toEqual([]);
  }, 60_000);

  it("says which conversation there is not, and what does not go together", async () => {
    const flags = ["--data-dir", desk.dataDir];
    const wrong: [string[], RegExp][] = [
      [[], /which conversations\?/],
      [["x", "--all"], /not both/],
      [["--since", "yesterday"], /--since yesterday/],
      [["--outcome", "won"], /outcome/],
    ];
    for (const [args, says] of wrong)
      expect(await run(...flags, "record", ...args)).toMatchObject({
        code: 2,
        err: expect.stringMatching(says),
      });
    expect(await run(...flags, "record", "nobody")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/conversation "?nobody/),
    });
    expect(await run(...flags, "record", "x", "--raw", "--redact")).toMatchObject({ code: 2 });
  });
});
