import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { main } from "./cli.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "cli-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Runs one command line and collects what it prints. */
async function cli(...args: string[]) {
  let stdout = "";
  let stderr = "";
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  const err = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += String(text);
    return true;
  });
  try {
    return { code: await main(args), stdout, stderr };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}

const config = (text: string) => {
  const file = join(dir, "desk.yaml");
  writeFileSync(file, text);
  return file;
};

describe("exit codes", () => {
  it("0 for help and version", async () => {
    expect(await cli("--help")).toMatchObject({ code: 0, stderr: "" });
    expect((await cli("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("2 for wrong usage, with what was meant", async () => {
    expect(await cli("docter")).toMatchObject({ code: 2, stdout: "" });
    expect((await cli("docter")).stderr).toContain("Did you mean doctor?");
    expect((await cli("doctor", "--jsno")).code).toBe(2);
    expect((await cli("config", "print", "--config")).code).toBe(2);
    expect((await cli("up", "--port", "abc")).stderr).toContain("use a whole number from 0 to 65535");
    expect((await cli("trace")).stderr).toMatch(/missing required argument 'conversation'\n.*--help/);
  });

  it("2 for a bench that can't do what it is told, before anything is measured", async () => {
    for (const [args, what] of [
      [["chaos", "--html", "page.html"], /--html: bench chaos ends in a verdict/],
      [["rehydration", "--baseline", "before.json"], /--baseline: bench rehydration ends in a verdict/],
      [["desk", "--workload", "noise"], /--workload noise: there are[\s\S]*tenants: a quiet tenant/],
      [["desk", "--workload", "burst", "--profile", "long"], /--profile long: there are full and quick/],
    ] as const)
      expect(await cli("bench", ...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(what) });
  });

  it("2 for a configuration that is wrong, on one line with its place", async () => {
    const file = config("gateway:\n  prot: 1\n");
    const { code, stdout, stderr } = await cli("config", "validate", "--config", file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(`error: ${file}:2:3: unknown key "gateway.prot"; did you mean "port"?\n`);
  });
});

it("an old Node is told which one is needed", () => {
  const old =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.1' } })";
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(old)}`, "bin/bailiwick", "status"],
    { encoding: "utf8" },
  );
  expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
  expect(stderr).toMatch(
    /^error: .*needs Node 20.19 or later and this is 18.20.1: install it from https:.*\n$/,
  );
});

describe("common flags", () => {
  it("are taken before and after the command", async () => {
    const file = config("gateway:\n  port: 81\n");
    const args = ["--config", file, "--data-dir", dir, "--workspace", "w", "--json"];
    for (const line of [
      [...args, "config", "print"],
      ["config", "print", ...args],
    ]) {
      const { code, stdout, stderr } = await cli(...line);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toMatchObject({ dataDir: dir, workspace: "w", gateway: { port: 81 } });
    }
  });
});

it("secrets are masked in what is printed, also in addresses", async () => {
  const file = config(`
nats: { url: "nats://desk:hush1@a:4222,nats://hush2@b:4222", password: hush3 }
model: { apiKey: hush4 }
`);
  for (const flag of ["--effective", "--json"]) {
    const { code, stdout } = await cli("config", "print", flag, "--config", file);
    expect(code).toBe(0);
    expect(stdout).not.toContain("hush");
    expect(stdout).toContain("nats://desk:********@a:4222,nats://********@b:4222");
  }
});

describe("doctor", () => {
  it("names each trouble with what mends it", async () => {
    const file = config("gateway:\n  port: 0\nnats:\n  server: /nowhere/nats-server\n");
    const { code, stdout } = await cli("doctor", "--config", file, "--data-dir", join(dir, "data"), "--json");
    const { healthy, checks } = JSON.parse(stdout);
    expect({ code, healthy }).toEqual({ code: 1, healthy: false });
    const byName = Object.fromEntries(checks.map((c: { name: string }) => [c.name, c]));
    expect(byName["nats-server"]).toMatchObject({
      state: "fail",
      mend: expect.stringContaining("npm run setup"),
    });
    expect(byName.node).toMatchObject({ state: "ok" });
    expect(byName["data directory"]).toMatchObject({ state: "ok" });
    expect(byName.desk).toMatchObject({ state: "ok" });
    for (const check of checks) if (check.state !== "ok") expect(check.mend).toBeTruthy();
  });

  it("looks into the playbooks and articles that the configuration names", async () => {
    const folder = join(dir, "own");
    mkdirSync(folder);
    writeFileSync(join(folder, "mine.yaml"), "playbook: mine\n");
    writeFileSync(join(folder, "empty.md"), "");
    const file = config(`playbooks: { dirs: [${folder}] }\nknowledge: { dirs: [${folder}, ${dir}/none] }\n`);
    const { code, stdout } = await cli("doctor", "--config", file, "--json");
    expect(code).toBe(1);
    const byName = Object.fromEntries(JSON.parse(stdout).checks.map((c: { name: string }) => [c.name, c]));
    expect(byName.playbooks).toMatchObject({
      state: "fail",
      what: expect.stringMatching(/problems, the first: .*mine.yaml:1:1/),
      mend: expect.stringContaining(`playbooks lint ${folder}`),
    });
    expect(byName.articles).toMatchObject({
      state: "warn",
      what: expect.stringMatching(/2 are left out, the first: .*empty.md: there is no text/),
    });
  });

  it("goes on when the configuration is wrong", async () => {
    const { code, stdout } = await cli("doctor", "--config", config("x: 1\n"));
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL configuration: .*desk.yaml:1:1: unknown key "x"/);
  });
});
