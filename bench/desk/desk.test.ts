import { describe, expect, it } from "vitest";
import { ollamaDouble } from "../../actors/model/testing/ollama-double.ts";
import { benchDesk } from "./desk.ts";

describe("bench desk", () => {
  it("has customers write at a rate, and says by stage where their time went", async () => {
    const result = await benchDesk({
      conversations: 6,
      rate: 4,
      seconds: 4,
      warmUpSeconds: 1,
      rampSeconds: 1,
    });
    expect(result).toMatchObject({ turns: 16, failed: 0 });
    expect(result.live).toBeGreaterThanOrEqual(6);
    for (const stage of ["accept", "reply", "turn", "understand"])
      expect(result.stages[stage]?.count, stage).toBeGreaterThan(0);
    // What did not happen is absent.
    expect(result.stages.model).toBeUndefined();
    expect(result.process.residentMiB).toBeGreaterThan(50);
    expect(result.ramp.length).toBeGreaterThan(0);
    expect(result.knee).toBeGreaterThanOrEqual(4);
  }, 300_000);

  it("says what is added around the calls of a model that leads", async () => {
    const server = await ollamaDouble();
    server.say = () => "I see.";
    try {
      const { stages } = await benchDesk({
        conversations: 3,
        rate: 3,
        seconds: 2,
        warmUpSeconds: 1,
        rampSeconds: 0,
        settings: {
          model: { provider: "ollama", url: server.url, model: "llama3.2" },
          agentic: { enabled: true },
        },
      });
      expect(stages.model!.count).toBeGreaterThan(3);
      expect(stages.aroundModel!.count).toBe(stages.model!.count);
      expect(stages.aroundModel!.p50).toBeLessThanOrEqual(stages.model!.p50);
      expect(stages.understand).toBeUndefined();
    } finally {
      await server.close();
    }
  }, 300_000);
});
