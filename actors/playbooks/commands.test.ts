/** The commands of this room, run over the shipped playbooks and over what they scaffold. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { projectRoot } from "../../runtime/config/paths.ts";
import { commands } from "./commands.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "bw-playbooks-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Outcome {
  value: any;
  text: string;
  failed: boolean;
}

/** Runs a command as the program does, with an environment that keeps what is written. */
async function run(...args: string[]): Promise<Outcome> {
  const outcome: Outcome = { value: undefined, text: "", failed: false };
  const plain = (text: string): string => text;
  const colors = {
    bold: plain,
    dim: plain,
    red: plain,
    green: plain,
    yellow: plain,
    blue: plain,
    cyan: plain,
  };
  const env = {
    json: false,
    colors,
    config: () => ({ playbooks: { dirs: [], shipped: true } }),
    out: (value: unknown, text?: string | (() => string)) => {
      outcome.value = value;
      outcome.text = typeof text === "function" ? text() : (text ?? "");
    },
    fail: () => {
      outcome.failed = true;
    },
  } as unknown as CliEnv;
  const program = new Command().exitOverride();
  commands(program, env);
  await program.parseAsync(args, { from: "user" });
  return outcome;
}

describe("playbooks lint", () => {
  it("finds the shipped ones sound", async () => {
    const { value, failed } = await run("playbooks", "lint");
    expect(value.diagnostics).toEqual([]);
    expect(value.files).toBeGreaterThanOrEqual(12);
    expect(failed).toBe(false);
  });

  it("fails with file, line and column", async () => {
    const file = join(dir, "bad.yaml");
    writeFileSync(file, "playbook: bad\nversion: 1\ntitel: x\n");
    const { text, failed } = await run("playbooks", "lint", dir);
    expect(text).toMatch(/bad\.yaml:3:1 unknown-key "titel".*did you mean "title"/);
    expect(failed).toBe(true);
  });

  it("refuses an intent that two playbooks claim", async () => {
    await run("new", "playbook", "gift-card", "--dir", dir);
    const text = readFileSync(join(dir, "gift-card.yaml"), "utf8");
    writeFileSync(join(dir, "other.yaml"), text.replace("playbook: gift-card", "playbook: other"));
    const result = await run("playbooks", "lint", dir);
    expect(result.text).toMatch(/other\.yaml:9:3 intent-claimed-twice .*gift-card/);
  });

  it("says what to give when there is nothing", async () => {
    await expect(run("playbooks", "lint", join(dir, "nowhere"))).rejects.toThrow(UsageError);
    await expect(run("playbooks", "lint", dir)).rejects.toThrow(/no playbook/);
  });
});

describe("playbooks list and graph", () => {
  it("lists them", async () => {
    const { value, text } = await run("playbooks", "list");
    expect(value.playbooks.map((p: any) => p.name)).toContain("cancel-order");
    expect(text).toContain("Cancel an order");
    expect(value.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it("draws one by name, every state with its transitions", async () => {
    const { value, text } = await run("playbooks", "graph", "cancel-order");
    expect(text).toContain("flowchart TD");
    expect(text).toMatch(/-->\|not_cancellable\|/);
    expect(text).not.toContain("lost");
    expect(value).toHaveLength(1);
    const { states, start } = value[0];
    expect(states[start]).toBeDefined();
    expect(states["verify:wait"].on["customer.verified"]).toEqual(["verify"]);
    for (const state of Object.values(states) as any[])
      for (const targets of Object.values(state.on) as string[][])
        for (const target of targets) expect(states[target]).toBeDefined();
    await expect(run("playbooks", "graph", "cancel-ordr")).rejects.toThrow(/there are .*cancel-order/);
  });
});

describe("new", () => {
  it("writes a playbook that passes lint and its cases", async () => {
    const { value } = await run("new", "playbook", "gift-card", "--dir", dir);
    expect(value.files).toHaveLength(2);
    expect((await run("playbooks", "lint", dir)).failed).toBe(false);
    const tested = await run("playbooks", "test", dir);
    expect(tested.value).toMatchObject({ passed: 3, failed: 0 });
    await expect(run("new", "playbook", "gift-card", "--dir", dir)).rejects.toThrow(/there already/);
    await expect(run("new", "playbook", "Gift Card", "--dir", dir)).rejects.toThrow(UsageError);
  });

  it("shows what a case missed", async () => {
    await run("new", "playbook", "gift-card", "--dir", dir);
    const file = join(dir, "gift-card.cases.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("Thank you", "Good night"));
    const { text, failed } = await run("playbooks", "test", join(dir, "gift-card.yaml"));
    expect(failed).toBe(true);
    expect(text).toMatch(/failed gift-card: finds the order\n {2}no reply has \/Good night\//);
    writeFileSync(file, "playbook: gift-card\ncases: []\n");
    await expect(run("playbooks", "test", dir)).rejects.toThrow(/cases/);
  });

  it("writes a skill that passes its test", async () => {
    const where = join(projectRoot, "actors/skills/skills");
    const name = `scaffold${process.pid}.points`;
    const { value } = await run("new", "skill", name, "--dir", where);
    try {
      const output = execFileSync("npx", ["vitest", "run", value.files[1]], {
        cwd: projectRoot,
        encoding: "utf8",
      });
      expect(output).toContain("2 passed");
    } finally {
      for (const file of value.files) rmSync(file, { force: true });
    }
    await expect(run("new", "skill", "points", "--dir", dir)).rejects.toThrow(/loyalty\.points/);
  }, 60_000);
});
