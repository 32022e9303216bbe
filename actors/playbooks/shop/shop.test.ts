import { describe, expect, it } from "vitest";
import { Inventory } from "../../skills/inventory.ts";
import { formatDiagnostic } from "../language/diagnostics.ts";
import { checkPlaybooks, loadPlaybooks, SHOP_PLAYBOOKS } from "../registry.ts";

describe("the shipped playbooks", () => {
  it("pass the linter", () => {
    const { diagnostics } = checkPlaybooks([SHOP_PLAYBOOKS], new Inventory());
    expect(diagnostics.map(formatDiagnostic)).toEqual([]);
  });

  it("have enough different examples, none of them twice", () => {
    const { all, examples } = loadPlaybooks([SHOP_PLAYBOOKS], new Inventory());
    for (const p of all)
      for (const [intent, { examples: own }] of Object.entries(p.def.intents))
        expect(own.length, intent).toBeGreaterThanOrEqual(20);
    const texts = examples.map((e) => e.text.toLowerCase());
    expect(texts.filter((t, i) => texts.indexOf(t) !== i)).toEqual([]);
  });
});
