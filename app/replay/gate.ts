/**
 * `gate`: whether a release may go out. Playbooks are checked and their cases run, the library of recordings is replayed frozen, the
 * scenarios are played live and their latencies held against the budgets, and evaluations against what they have to reach. Each is
 * a command of its own, run in a process of its own; one exit code says it all.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { caseFiles, playbookDirs } from "../../actors/playbooks/registry.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { asset } from "../../runtime/config/paths.ts";
import { table } from "../demo/text.ts";

const fileSchema = z.strictObject({
  /** Files and folders of recordings; the shipped ones unless given. */
  recordings: z.array(z.string()).default([]),
  /** Commands of `eval`, and the least of each figure that their answer has. */
  evals: z
    .array(z.strictObject({ run: z.string().min(1), least: z.record(z.string(), z.number()).default({}) }))
    .default([]),
});

export interface GateOptions {
  readonly file?: string;
  /** Scenarios live and budgets. */
  readonly live: boolean;
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly what: string;
  /** One by one, where it failed. */
  readonly failures: readonly string[];
}

const DEFAULT_FILE = "gate.yaml";
const BIN = asset("bin", "bailiwick");

export async function gate(env: CliEnv, options: GateOptions): Promise<void> {
  const { recordings, evals, dir } = await settings(options.file);
  const progress = env.progress("gate");
  const checks: Check[] = [];
  const run = async (
    name: string,
    args: readonly string[],
    judge: (ran: Ran) => Omit<Check, "name">,
  ): Promise<void> => {
    if (env.signal().aborted) return;
    progress.update(name);
    checks.push({ name, ...judge(await bailiwick(args, dir, env.signal())) });
  };
  await run("playbooks", ["playbooks", "lint"], plain("nothing to mend"));
  // The shipped playbooks have scenarios instead.
  if (caseFiles(playbookDirs(env.config().playbooks)).length > 0)
    await run("cases", ["playbooks", "test"], plain("all as written"));
  await run(
    "recordings",
    ["replay", "--mode", "frozen", "--times", "2", "--verify", ...recordings],
    replayed,
  );
  if (options.live) await run("scenarios and budgets", ["demo"], demonstrated);
  for (const { run: command, least } of evals)
    await run(`eval ${command.split(" ")[0]}`, ["eval", ...command.split(/\s+/)], reached(least));
  progress.end();
  const failed = checks.filter(({ ok }) => !ok);
  if (failed.length > 0) env.fail();
  env.out({ checks, passed: checks.length - failed.length, failed: failed.length }, () => {
    const c = env.colors;
    const rows = checks.map(({ name, ok, what }) => [ok ? c.green("✓") : c.red("✗"), name, what]);
    return [
      table(rows, []),
      ...failed.flatMap(({ name, failures }) => ["", c.bold(name), ...failures.map((f) => c.red(`  ${f}`))]),
      "",
      failed.length === 0
        ? "  it may go out"
        : `  ${failed.length} of ${checks.length} failed: it stays here`,
    ].join("\n");
  });
}

/** @throws UsageError */
async function settings(named: string | undefined): Promise<z.output<typeof fileSchema> & { dir: string }> {
  const file = resolve(named ?? DEFAULT_FILE);
  if (!existsSync(file)) {
    if (named !== undefined) throw new UsageError(`${file} does not exist`);
    return { ...fileSchema.parse({}), dir: process.cwd() };
  }
  let value: unknown;
  try {
    value = parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message.split("\n")[0]}`);
  }
  const parsed = fileSchema.safeParse(value ?? {});
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new UsageError(`${file}: ${path.join(".") || "the file"}: ${message}`);
  }
  // Paths in it are relative to it.
  return { ...parsed.data, dir: dirname(file) };
}

interface Ran {
  readonly code: number;
  /** Its answer, where it is JSON. */
  readonly answer: any;
  readonly err: string;
}

function bailiwick(args: readonly string[], cwd: string, signal: AbortSignal): Promise<Ran> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [BIN, ...args, "--json"], {
      cwd,
      signal,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    child.once("error", reject);
    child.once("close", (code) => done({ code: code ?? 1, answer: jsonOf(out), err: err.trim() }));
  });
}

function jsonOf(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What it says itself, where its answer is not looked into. */
function plain(good: string): (ran: Ran) => Omit<Check, "name"> {
  return ({ code, answer, err }) => ({
    ok: code === 0,
    what: code === 0 ? good : `ended with ${code}`,
    failures: code === 0 ? [] : [err || JSON.stringify(answer)?.slice(0, 2_000) || `exit code ${code}`],
  });
}

function replayed(ran: Ran): Omit<Check, "name"> {
  if (!ran.answer) return plain("")(ran);
  const { scenarios, passed, failed, turnsPerSecond } = ran.answer;
  return {
    ok: ran.code === 0,
    what: `${passed} of ${passed + failed} replay, ${turnsPerSecond} turns a second`,
    failures: scenarios
      .filter((s: { status: string }) => s.status !== "passed")
      .map((s: { id: string; firstDivergence?: string }) => s.firstDivergence ?? s.id),
  };
}

function demonstrated(ran: Ran): Omit<Check, "name"> {
  if (!ran.answer) return plain("")(ran);
  const { expectations, budgets } = ran.answer;
  const missed: unknown[] = budgets?.missed ?? [];
  const unmet: unknown[] = expectations.unmet ?? [];
  return {
    ok: ran.code === 0 && missed.length === 0,
    what: `${expectations.met} expectations met, ${expectations.failed} not; ${missed.length} budgets missed`,
    failures: [...unmet, ...missed].map((each) => (typeof each === "string" ? each : JSON.stringify(each))),
  };
}

function reached(least: Readonly<Record<string, number>>): (ran: Ran) => Omit<Check, "name"> {
  return (ran) => {
    if (ran.code !== 0 || !ran.answer) return plain("")(ran);
    const entries = Object.entries(least).map(([name, wanted]) => {
      const value: unknown = ran.answer[name];
      return { name, wanted, value, ok: typeof value === "number" && value >= wanted };
    });
    return {
      ok: entries.every(({ ok }) => ok),
      what: entries.map(({ name, value }) => `${name} ${value}`).join(", ") || "ran",
      failures: entries
        .filter(({ ok }) => !ok)
        .map(
          ({ name, wanted, value }) =>
            `${name} is ${value ?? "not in the answer"}, at least ${wanted} is wanted`,
        ),
    };
  };
}
