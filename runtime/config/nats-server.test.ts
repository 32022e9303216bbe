import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DependencyError } from "./errors.ts";
import { copiesRisk, findNatsServer, natsServerVersion, powerCutRisk } from "./nats-server.ts";

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "nats-search-"));
  for (const [folder, version] of [
    ["old", "2.8.4"],
    ["path", "2.9.10"],
    ["cache/nats-server", "2.10.29"],
  ] as const) {
    mkdirSync(join(base, folder), { recursive: true });
    const program = join(base, folder, "nats-server");
    writeFileSync(program, `#!/bin/sh\necho "nats-server: v${version}"\n`);
    chmodSync(program, 0o755);
  }
  writeFileSync(join(base, "no-program"), "");
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

const find = (search: readonly string[], more: NodeJS.ProcessEnv = {}, configured?: string) =>
  findNatsServer(configured, {
    BAILIWICK_CACHE_DIR: join(base, "cache"),
    BAILIWICK_NATS_SEARCH_PATH: search.map((s) => join(base, s)).join(":"),
    ...more,
  }).slice(base.length);

describe("findNatsServer", () => {
  it("takes the configured one, then PATH, then the cache", () => {
    expect(find(["path"], { BAILIWICK_NATS_SERVER: join(base, "cache/nats-server/nats-server") })).toBe(
      "/cache/nats-server/nats-server",
    );
    expect(find(["none", "path"])).toBe("/path/nats-server");
    expect(find([])).toBe("/cache/nats-server/nats-server");
  });

  it("passes over what is too old", () => {
    expect(find(["old", "path"])).toBe("/path/nats-server");
    expect(() => find(["path"], {}, join(base, "old/nats-server"))).toThrow(DependencyError);
  });

  it("says what to do when there is none", () => {
    expect(() => find(["path"], { BAILIWICK_NATS_SERVER: join(base, "no-program") })).toThrow(
      /BAILIWICK_NATS_SERVER/,
    );
    expect(() => find([], { BAILIWICK_CACHE_DIR: join(base, "none") })).toThrow(/npm run setup/);
  });

  it("reads the version", () => {
    expect(natsServerVersion(join(base, "path/nats-server"))).toBe("2.9.10");
    expect(natsServerVersion(join(base, "no-program"))).toBeUndefined();
  });
});

it("knows which servers keep copies that come apart", () => {
  expect(copiesRisk("2.9.10")?.what).toContain("come apart");
  expect(copiesRisk("2.9.25")?.mend).toContain("log.replicas");
  for (const safe of ["2.10.29", "2.12.0", "3.0.0"]) expect(copiesRisk(safe), safe).toBeUndefined();
});

describe("powerCutRisk", () => {
  it("knows which versions lose what", () => {
    expect(powerCutRisk("2.9.10")?.what).toContain("last minute");
    expect(powerCutRisk("2.10.22")?.what).toContain("lose a stream");
    for (const safe of ["2.10.23", "2.10.29", "2.11.0", "3.0.0"])
      expect(powerCutRisk(safe), safe).toBeUndefined();
  });
});
