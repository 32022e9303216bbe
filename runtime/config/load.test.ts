import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError, UsageError } from "./errors.ts";
import { leaves } from "./leaves.ts";
import { type LoadOptions, loadConfig } from "./load.ts";
import { MASK, maskSecrets, printConfig } from "./print.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "config-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const load = (yaml?: string, options: Omit<LoadOptions, "cwd"> = {}) => {
  if (yaml !== undefined) writeFileSync(join(cwd, "bailiwick.yaml"), yaml);
  return loadConfig({ env: {}, ...options, cwd });
};
const problems = (yaml?: string, options: Omit<LoadOptions, "cwd"> = {}): readonly string[] => {
  try {
    load(yaml, options);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((p) => p.replaceAll(`${cwd}/`, ""));
    throw error;
  }
  return [];
};

describe("precedence", () => {
  it("is flags, environment, file, defaults", () => {
    const yaml = "workspace: file\ngateway:\n  port: 1\n  host: 127.0.0.2\nlog:\n  partitions: 8\n";
    const env = { BAILIWICK_GATEWAY_PORT: "2", BAILIWICK_WORKSPACE: "env" };
    const { config, sources } = load(yaml, { env, flags: { workspace: "flag", "gateway.host": undefined } });
    expect(config.workspace).toBe("flag");
    expect(config.gateway.port).toBe(2);
    expect(config.gateway.host).toBe("127.0.0.2");
    expect(config.log.partitions).toBe(8);
    expect(config.watchdog.stallMs).toBe(5_000);
    expect(sources.get("workspace")).toBe("flag --workspace");
    expect(sources.get("gateway.port")).toBe("environment BAILIWICK_GATEWAY_PORT");
    expect(sources.get("log.partitions")).toBe(`${cwd}/bailiwick.yaml:6:3`);
  });

  it("needs no file, and an empty one is none", () => {
    expect(load().config.gateway.port).toBe(7420);
    expect(load("# nothing yet\n").config.gateway.port).toBe(7420);
  });

  it("counts paths of the file from the file, others from the working directory", () => {
    mkdirSync(join(cwd, "etc"));
    writeFileSync(join(cwd, "etc/desk.yaml"), "dataDir: ../data\nknowledge:\n  dirs: [articles]\n");
    const { config } = load(undefined, { file: "etc/desk.yaml" });
    expect(config.dataDir).toBe(join(cwd, "data"));
    expect(config.knowledge.dirs).toEqual([join(cwd, "etc/articles")]);
    expect(load(undefined, { env: { BAILIWICK_DATA_DIR: "d" } }).config.dataDir).toBe(join(cwd, "d"));
    expect(load(undefined).config.dataDir).toBe(join(cwd, ".bailiwick"));
  });
});

describe("environment", () => {
  it("reads every kind of setting", () => {
    const env = {
      BAILIWICK_GATEWAY_ALLOWED_HOSTS: "a.example, b.example",
      BAILIWICK_VERIFICATION_ACCEPT: '[["order","email"]]',
      BAILIWICK_WATCHDOG_ENABLED: "no",
      BAILIWICK_GATEWAY_LIMITS_CUSTOMER_BURST: "7",
      BAILIWICK_MODEL_PROVIDER: "",
    };
    const { config } = load(undefined, { env });
    expect(config.gateway.allowedHosts).toEqual(["a.example", "b.example"]);
    expect(config.verification.accept).toEqual([["order", "email"]]);
    expect(config.watchdog.enabled).toBe(false);
    expect(config.gateway.limits.customer).toEqual({ burst: 7, perSecond: 20 });
    expect(config.model.provider).toBe("none");
  });

  it("reads secrets from files", () => {
    writeFileSync(join(cwd, "key"), "abc\n");
    const file = join(cwd, "key");
    expect(load(undefined, { env: { BAILIWICK_MODEL_API_KEY_FILE: file } }).config.model.apiKey).toBe("abc");
    expect(
      problems(undefined, { env: { BAILIWICK_MODEL_API_KEY_FILE: file, BAILIWICK_MODEL_API_KEY: "x" } }),
    ).toEqual([
      "environment BAILIWICK_MODEL_API_KEY_FILE: BAILIWICK_MODEL_API_KEY is set as well; keep one of them",
    ]);
    expect(problems(undefined, { env: { BAILIWICK_MODEL_API_KEY_FILE: "/none" } })[0]).toContain("ENOENT");
    // What is no secret has no such variable.
    expect(problems(undefined, { env: { BAILIWICK_GATEWAY_PORT_FILE: file } })).toHaveLength(1);
  });

  it("refuses a mistyped variable of a section, and leaves others alone", () => {
    const env = {
      BAILIWICK_GATEWAY_PROT: "1",
      BAILIWICK_SOMETHING_ELSE: "1",
      BAILIWICK_NATS_SEARCH_PATH: "",
    };
    expect(problems(undefined, { env })).toEqual([
      'environment BAILIWICK_GATEWAY_PROT: no such setting; did you mean "BAILIWICK_GATEWAY_PORT"?',
    ]);
  });

  it("has one variable for each setting", () => {
    expect(new Set(leaves.map((l) => l.env)).size).toBe(leaves.length);
  });
});

describe("errors", () => {
  it("name file, line and what was meant", () => {
    expect(problems("gateway:\n  prot: 3\nmodle: {}\n")).toEqual([
      'bailiwick.yaml:2:3: unknown key "gateway.prot"; did you mean "port"?',
      'bailiwick.yaml:3:1: unknown key "modle"; did you mean "model"?',
    ]);
    expect(problems("gateway:\n  customerAuth: opne\n  port: x\nlog: 3\n")).toEqual([
      'bailiwick.yaml:2:3: gateway.customerAuth: must be one of open, token; did you mean "open"?',
      "bailiwick.yaml:3:3: gateway.port: must be a number, not a string",
      "bailiwick.yaml:4:1: log: must be a section with settings under it, not a number",
    ]);
    expect(problems("log:\n  partitions: 0\n")[0]).toMatch(/^bailiwick.yaml:2:3: log.partitions: .*1/);
    expect(problems("knowledge:\n  dirs:\n    - a\n    - 3\n")).toEqual([
      "bailiwick.yaml:4:7: knowledge.dirs.1: must be a string, not a number",
    ]);
    expect(problems("", { env: { BAILIWICK_GATEWAY_PORT: "x" } })).toEqual([
      "environment BAILIWICK_GATEWAY_PORT: gateway.port: must be a number, not a string",
    ]);
  });

  it("name the line of what is no YAML", () => {
    expect(problems("gateway:\n  port: [3\nlog:\n")[0]).toMatch(/^bailiwick.yaml:3:1: not valid YAML/);
    expect(problems("gateway:\n  port: 1\n  port: 2\n")[0]).toMatch(/^bailiwick.yaml:3:3: not valid YAML/);
    expect(problems("- a\n")[0]).toMatch(/^bailiwick.yaml:1:1/);
    expect(problems("just text")[0]).toMatch(/^bailiwick.yaml:1:1/);
  });

  it("name a file that is not there", () => {
    expect(() => load(undefined, { file: "none.yaml" })).toThrow(UsageError);
  });

  it("find settings that exclude one another", () => {
    expect(problems("gateway:\n  host: 0.0.0.0\n")[0]).toMatch(
      /^bailiwick.yaml:2:3: gateway.host: .*"token"/,
    );
    expect(problems("gateway:\n  customerAuth: token\n")[0]).toContain("customerSecret");
    expect(problems("model:\n  provider: ollama\n")[0]).toContain("model.model");
    expect(problems("dialog:\n  timeZone: Nowhere/City\n")[0]).toContain("Europe/Berlin");
    expect(problems("dataDir: desk\nbackup:\n  eraseList: desk/erased.jsonl\n")[0]).toContain("outlive");
    expect(load("dataDir: desk\nbackup:\n  eraseList: desk-erased.jsonl\n").config.backup.eraseList).toMatch(
      /desk-erased\.jsonl$/,
    );
  });
});

describe("print", () => {
  const secret = "s".repeat(40);
  it("masks secrets", () => {
    const loaded = load(`gateway:\n  customerAuth: token\n  customerSecret: ${secret}\n`);
    expect(JSON.stringify(maskSecrets(loaded))).not.toContain(secret);
    expect(printConfig(loaded, true)).toContain(`customerSecret: "${MASK}"`);
    expect(loaded.config.gateway.customerSecret).toBe(secret);
  });

  it("prints a file that loads to the same", () => {
    const loaded = load("gateway:\n  port: 8\nverification:\n  accept: [[order, email], [name]]\n");
    const again = load(printConfig(loaded, true));
    expect(again.config).toEqual(loaded.config);
    expect(printConfig(loaded, false).split("\n")).toHaveLength(5);
  });
});
