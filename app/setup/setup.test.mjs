import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { npmEnvironment } from "./dependencies.mjs";
import { fetchRelease, platformName, RELEASE } from "./nats-release.mjs";
import { examine, findNatsServer } from "./nats-server.mjs";
import { cache, root } from "./places.mjs";
import { reason, run, which } from "./shell.mjs";
import { hashOf } from "./stamps.mjs";
import { SetupError } from "./steps.mjs";

let base;
const quiet = () => {};
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "setup-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function program(path, script) {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("finding nats-server", () => {
  it("takes the named one, and says what is wrong with it when it cannot be used", async () => {
    const good = program(join(base, "good"), "echo 'nats-server: v2.10.29'");
    const old = program(join(base, "old"), "echo 'nats-server: v2.8.4'");
    expect(await findNatsServer(quiet, { BAILIWICK_NATS_SERVER: good })).toMatchObject({ skipped: true });
    const refused = await findNatsServer(quiet, { BAILIWICK_NATS_SERVER: old }).catch((e) => e);
    expect(refused).toBeInstanceOf(SetupError);
    expect(refused.tried).toEqual([`${old} is 2.8.4, older than 2.9.0`]);
    expect((await findNatsServer(quiet, { BAILIWICK_NATS_SERVER: base }).catch((e) => e)).byHand).toContain(
      "unset",
    );
  });

  it("takes the first of PATH that is new enough", async () => {
    program(join(base, "old/nats-server"), "echo 'nats-server: v2.2.0'");
    const path = program(join(base, "new/nats-server"), "echo 'nats-server: v2.9.10'");
    const search = { BAILIWICK_NATS_SEARCH_PATH: `${join(base, "old")}:${join(base, "new")}` };
    expect(await findNatsServer(quiet, search)).toEqual({ skipped: true, note: `${path}, 2.9.10` });
  });

  it("needs none when an outside server is named", async () => {
    expect(await findNatsServer(quiet, { BAILIWICK_NATS_URL: "nats://a:4222" })).toMatchObject({
      skipped: true,
    });
  });

  it("sees through a program that does not run", async () => {
    expect(await examine(program(join(base, "broken"), "exit 3"))).toEqual({
      problem: `${join(base, "broken")} does not run here (exit code 3)`,
    });
  });
});

describe("the release page", () => {
  const platform = "linux-amd64";
  const folder = `nats-server-v${RELEASE}-${platform}`;
  let server;
  let page;
  let sums;
  let archive;
  beforeEach(async () => {
    program(join(base, folder, "nats-server"), "echo 'nats-server: v2.10.29'");
    execFileSync("tar", ["-czf", "archive.tar.gz", folder], { cwd: base });
    archive = readFileSync(join(base, "archive.tar.gz"));
    sums = createHash("sha256").update(archive).digest("hex");
    server = createServer((request, response) => {
      if (request.url === "/SHA256SUMS")
        response.end(`${"0".repeat(64)}  other.zip\n${sums}  ${folder}.tar.gz\n`);
      else if (request.url === `/${folder}.tar.gz`) response.end(archive);
      else response.writeHead(404).end();
    });
    await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
    page = `http://127.0.0.1:${server.address().port}`;
  });
  afterEach(() => server.close());

  const fetchInto = (options) => {
    const work = mkdtempSync(join(base, "work-"));
    return fetchRelease(work, quiet, { page, platform, ...options });
  };

  it("is used when the pinned checksum fits", async () => {
    const path = await fetchInto({ pinned: { [platform]: sums } });
    expect(await examine(path)).toEqual({ version: "2.10.29" });
  });

  it("is not used when it does not", async () => {
    await expect(fetchInto({ pinned: { [platform]: "1".repeat(64) } })).rejects.toThrow(
      /checksum .* not used/,
    );
  });

  it("is checked against its own sums where nothing is pinned", async () => {
    expect(existsSync(await fetchInto({ pinned: {} }))).toBe(true);
    sums = "2".repeat(64);
    await expect(fetchInto({ pinned: {} })).rejects.toThrow(/not used/);
    await expect(fetchInto({ pinned: {}, platform: "darwin-arm64" })).rejects.toThrow(/does not name/);
  });

  it("says what could not be fetched", async () => {
    await expect(fetchInto({ pinned: { [platform]: sums }, page: `${page}/none` })).rejects.toThrow(/404/);
  });

  it("knows the names of platforms", () => {
    expect(platformName("darwin", "arm64")).toBe("darwin-arm64");
    expect(() => platformName("win32", "x64")).toThrow(/no release/);
  });
});

describe("npm's environment", () => {
  it("moves npm's cache when there is no home that can be written", () => {
    expect(npmEnvironment({ HOME: base, A: "1" })).toEqual({ HOME: base, A: "1" });
    for (const HOME of ["", "/nonexistent"]) {
      expect(npmEnvironment({ HOME })).toMatchObject({ HOME: cache, npm_config_cache: join(cache, "npm") });
    }
    expect(npmEnvironment({ HOME: base, NPM_CONFIG_CACHE: "/dev/null/none" })).toEqual({
      HOME: base,
      npm_config_cache: join(cache, "npm"),
    });
  });
});

describe("running programs", () => {
  it("keeps output and exit code, and gives up in time", async () => {
    expect(await run("sh", ["-c", "echo out; echo err >&2; exit 4"])).toMatchObject({ code: 4 });
    expect(reason(await run("no-such-program", []))).toBe("not installed");
    expect(reason(await run("sleep", ["60"], { timeoutMs: 50 }))).toBe("no end within the time allowed");
    expect(reason(await run("sh", ["-c", "echo 'E: it broke'; echo bye; exit 100"]))).toBe(
      "exit code 100: E: it broke",
    );
    expect(which("sh", ["/bin"], "")).toBe("/bin/sh");
    expect(which("sh", [], base)).toBeUndefined();
  });
});

describe("stamps", () => {
  it("are over names and contents", () => {
    const before = hashOf(["app/setup"], (path) => path.endsWith(".mjs"));
    expect(hashOf(["app/setup"], (path) => path.endsWith(".mjs"))).toBe(before);
    expect(hashOf(["app/setup"], (path) => path.endsWith("run.mjs"))).not.toBe(before);
  });
});

describe("the entries", () => {
  it("name their verbs", () => {
    const result = spawnSync(process.execPath, [join(root, "app/setup/run.mjs"), "strat"], {
      encoding: "utf8",
    });
    expect(result.status).toBe(2);
    expect(result.stderr).toContain("setup, start, demo, test");
  });

  it("say in one sentence that Node is too old, in words that an old Node can read", () => {
    const entry = readFileSync(join(root, "app/setup/run.mjs"), "utf8").replaceAll(
      "process.versions.node",
      '"18.20.8"',
    );
    const result = spawnSync(process.execPath, ["--input-type=module", "-e", entry], { encoding: "utf8" });
    expect(result.status).toBe(3);
    expect(result.stderr.trim().split("\n")).toHaveLength(1);
    expect(result.stderr).toContain("nodejs.org");
    expect(entry).not.toMatch(/^import |await|node:|\?\.|\?\?/m);
  });

  it("bin/bailiwick says how to set up", () => {
    mkdirSync(join(base, "bin"));
    copyFileSync(join(root, "bin/bailiwick"), join(base, "bin/bailiwick"));
    writeFileSync(join(base, "package.json"), '{"type":"module"}');
    const result = spawnSync(process.execPath, [join(base, "bin/bailiwick"), "up"], { encoding: "utf8" });
    expect(result.status).toBe(3);
    expect(result.stderr).toMatch(/^error: .*npm run setup.*\n$/);
  });
});
