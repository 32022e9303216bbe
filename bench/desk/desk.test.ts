import { describe, expect, it } from "vitest";
import { ollamaDouble } from "../../actors/model/testing/ollama-double.ts";
import { channels } from "./channels.ts";
import { steady } from "./steady.ts";

describe("bench desk", () => {
  it.concurrent("has customers write at a rate, and says by stage where their time went", async () => {
    const result = await steady({ conversations: 6, rate: 4, seconds: 4, warmUpSeconds: 1, rampSeconds: 1 });
    expect(result).toMatchObject({ turns: 16, failed: 0 });
    expect(result.live).toBeGreaterThanOrEqual(6);
    for (const stage of ["accept", "reply", "turn", "understand"])
      expect(result.stages[stage]?.count, stage).toBeGreaterThan(0);
    // What did not happen is absent.
    expect(result.stages.model).toBeUndefined();
    expect(result.channels).toEqual({ chat: result.stages.reply });
    expect(result.process.residentMiB).toBeGreaterThan(50);
    expect(result.ramp.length).toBeGreaterThan(0);
    expect(result.knee).toBeGreaterThanOrEqual(4);
  }, 300_000);

  it.concurrent("says what is added around the calls of a model that leads, on every channel", async () => {
    const server = await ollamaDouble();
    server.say = () => "I see.";
    try {
      const { stages, channels: replies } = await channels({
        conversations: 6,
        rate: 6,
        seconds: 3,
        warmUpSeconds: 1,
        settings: {
          model: { provider: "ollama", url: server.url, model: "llama3.2" },
          agentic: { enabled: true },
        },
      });
      expect(stages.model!.count).toBeGreaterThan(3);
      expect(stages.aroundModel!.count).toBe(stages.model!.count);
      expect(stages.aroundModel!.p50).toBeLessThanOrEqual(stages.model!.p50);
      expect(stages.understand).toBeUndefined();
      expect(Object.keys(replies).sort()).toEqual(["chat", "email", "voice"]);
    } finally {
      await server.close();
    }
  }, 300_000);
});
