import { describe, expect, it } from "vitest";
import { renderStatus } from "./render.ts";

const asIs = (text: string): string => text;
const colors = { bold: asIs, dim: asIs, red: asIs, green: asIs, yellow: asIs } as never;

function status(host: object) {
  return renderStatus(
    {
      node: { host },
      conversations: { byState: {} },
      outcomes: {},
      handoffs: { waiting: 0, byReason: {}, unknowns: 0 },
      services: {},
      latest: [],
    },
    colors,
  );
}

describe("the status", () => {
  it("says that a state diverges from the log, and nothing while none does", () => {
    expect(status({ checked: 12, diverged: 0 })).not.toContain("diverge");
    expect(status({ checked: 12, diverged: 1 })).toContain("1 of 12 sampled states diverge from the log");
  });
});
