import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { asset } from "../runtime/config/paths.ts";
import { ENGINE_NODE_ARGUMENTS } from "../runtime/node-arguments.ts";
import { wantsEngine } from "./engine-process.ts";

const BIN = asset("bin", "bailiwick");
const RECORDING = asset("scenarios", "shop", "recordings", "cancel-order.confirmed.scenario.jsonl");

describe("a command that runs a desk of its own", () => {
  it("wants the engine's arguments, unless it has them or is another one", () => {
    expect(wantsEngine(["--json", "demo"], [])).toBe(true);
    expect(wantsEngine(["replay", "x"], ENGINE_NODE_ARGUMENTS)).toBe(false);
    expect(wantsEngine(["status"], [])).toBe(false);
    expect(wantsEngine([], [])).toBe(false);
  });

  it("has its output and exit code from the process that has them", async () => {
    const child = spawn(process.execPath, [BIN, "replay", RECORDING, "--json"]);
    let out = "";
    child.stdout.on("data", (text) => {
      out += text;
    });
    const [code] = await once(child, "close");
    expect({ code, passed: JSON.parse(out).passed }).toEqual({ code: 0, passed: 1 });
    const bad = spawn(process.execPath, [BIN, "replay", "nowhere.scenario.jsonl"], { stdio: "ignore" });
    expect((await once(bad, "close"))[0]).toBe(2);
  }, 60_000);

  it.each(["SIGTERM", "SIGINT"] as const)(
    "ends with it at %s, and leaves nothing behind",
    async (signal) => {
      const child = spawn(process.execPath, [BIN, "replay", "--times", "500"], {
        stdio: "ignore",
        detached: true,
      });
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      child.kill(signal);
      const [code] = await once(child, "close");
      expect(code).not.toBe(0);
      // Nobody of its group is left.
      const isLeft = (): boolean => {
        try {
          return process.kill(-child.pid!, 0);
        } catch {
          return false;
        }
      };
      await expect.poll(isLeft, { timeout: 5_000 }).toBe(false);
    },
    60_000,
  );
});
