import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { DependencyError, UsageError } from "../../runtime/config/errors.ts";
import { LiveMachine } from "../../runtime/host/live-machine.ts";
import { compareCases } from "./cases.ts";
import { rehydrationReport } from "./report.ts";
import { readScion } from "./scion.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A folder as npm's archive unpacks, with these documents and scripts. */
function packed(cases: Readonly<Record<string, { document: string; script: object }>>): string {
  const folder = mkdtempSync(join(tmpdir(), "bailiwick-scion-"));
  folders.push(folder);
  const tests = join(folder, "package", "test", "basic");
  mkdirSync(tests, { recursive: true });
  writeFileSync(join(folder, "package", "package.json"), JSON.stringify({ version: "9.9.9" }));
  for (const [name, { document, script }] of Object.entries(cases)) {
    writeFileSync(join(tests, `${name}.scxml`), document);
    writeFileSync(join(tests, `${name}.json`), JSON.stringify(script));
  }
  return folder;
}

const waits = {
  document: `<scxml><state id="a"><onentry><send event="go" delay="10ms"/></onentry>
    <transition event="go" target="b"/></state><state id="b"/></scxml>`,
  script: {
    initialConfiguration: ["a"],
    events: [{ after: 20, event: { name: "x" }, nextConfiguration: ["b"] }],
  },
};

describe("cases of a package", () => {
  it("are read, played both ways, and counted", () => {
    const folder = packed({
      waits,
      early: { ...waits, script: { initialConfiguration: ["b"], events: [] } },
      served: { ...waits, document: waits.document.replace("<send ", '<send type="BasicHTTP" ') },
      broken: { ...waits, document: "<scxml>" },
    });
    const result = compareCases(readScion(folder));
    expect(result).toMatchObject({ version: "9.9.9", cases: 4, passed: 1, moved: 1, armed: 2, fired: 2 });
    expect(result.leftOut.map(({ name }) => name)).toEqual(["basic/broken", "basic/served"]);
    expect(result.failed).toMatchObject([
      { name: "basic/early", what: "at the start it is in a instead of b" },
    ]);
    const random = { machines: 1, steps: 1, armed: 1, fired: 1, differences: [] };
    const having = { delays: 1, parallel: 1, shallow: 1, deep: 1, children: 1 };
    expect(rehydrationReport("s", { ...random, with: having }, result).failures).toEqual([
      "basic/early: at the start it is in a instead of b",
      "1 cases passed, and 110 must",
    ]);
  });

  it("fail where a restore loses timers", () => {
    const { failed } = compareCases(readScion(packed({ waits })), (machine, persisted, id, at) =>
      LiveMachine.restore(machine, { ...persisted, timers: [] }, id, at),
    );
    expect(failed).toMatchObject([{ name: "basic/waits", difference: { step: 0, member: "timers" } }]);
  });

  it("are missed with the command that fetches them", () => {
    const empty = mkdtempSync(join(tmpdir(), "bailiwick-scion-"));
    folders.push(empty);
    expect(() => readScion(empty)).toThrow(UsageError);
    expect(() => readScion(empty)).toThrow(/npm pack @scion-scxml\/test-framework@2\.0\.16 .*tar xzf/);
    const before = process.env.BAILIWICK_CACHE_DIR;
    process.env.BAILIWICK_CACHE_DIR = empty;
    try {
      expect(() => readScion()).toThrow(DependencyError);
    } finally {
      if (before === undefined) delete process.env.BAILIWICK_CACHE_DIR;
      else process.env.BAILIWICK_CACHE_DIR = before;
    }
  });
});
