import { describe, expect, it } from "vitest";
import { checkImports, importsOf, problemsOf } from "./imports.mjs";

describe("the rooms as they are", () => {
  it("import in one direction, and machines are pure", () => {
    expect(checkImports()).toEqual([]);
  });
});

describe("the check", () => {
  it("finds an import against the direction", () => {
    expect(problemsOf("runtime/host/cell.ts", 'import { x } from "../../actors/task/machine.ts";')).toEqual([
      expect.stringContaining(
        "runtime/host/cell.ts:1: imports ../../actors/task/machine.ts: runtime comes before actors",
      ),
    ]);
    expect(problemsOf("app/up.ts", 'import { x } from "../actors/task/machine.ts";')).toEqual([]);
  });

  it("finds imports that are types, dynamic, bare, re-exported, over several lines", () => {
    const text =
      'import type { A } from "a";\nimport {\n  b,\n} from "b";\nexport * from "c";\nimport "d";\nawait import("e");';
    expect(importsOf(text).map((i) => i.specifier)).toEqual(["a", "b", "c", "d", "e"]);
    expect(importsOf('// import "x"\n/* from "y" */')).toEqual([]);
  });

  it("keeps nats and xstate at home", () => {
    expect(problemsOf("runtime/log/reader.ts", 'import { connect } from "nats";')).toHaveLength(1);
    expect(problemsOf("runtime/bus/connection.ts", 'import { connect } from "nats";')).toEqual([]);
    expect(problemsOf("actors/task/messages.ts", 'import { setup } from "xstate";')).toHaveLength(1);
    expect(problemsOf("app/status.ts", 'import { createStore } from "@xstate/store";')).toEqual([]);
  });

  it("keeps the gateway from what it serves", () => {
    expect(problemsOf("runtime/gateway/server.ts", 'import { Host } from "../host/host.ts";')).toHaveLength(
      1,
    );
    expect(problemsOf("runtime/gateway/server.ts", 'import type { Engine } from "../engine.ts";')).toEqual(
      [],
    );
  });

  it("finds what makes a machine impure", () => {
    const impure = [
      "const t = Date.now();",
      "const d = new Date();",
      "const r = Math.random();",
      "const p = performance.now();",
      "const a = async () => 1;",
      'fetch("x");',
      "process.env.X;",
      "setTimeout(f, 1);",
      'import { readFileSync } from "node:fs";',
    ];
    for (const line of impure) expect(problemsOf("actors/task/machine.ts", line), line).toHaveLength(1);
    expect(problemsOf("actors/task/data.ts", impure.join("\n"))).toEqual([]);
  });

  it("lets a machine speak of such things in comments and texts, and use the record's time", () => {
    const text =
      '// Date.now() is not for us\nconst s = "please await our answer"; const d = new Date(event.at);';
    expect(problemsOf("actors/task/machine.ts", text)).toEqual([]);
  });
});
