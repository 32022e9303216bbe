/** A desk as a process of its own, with what its metrics say of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asset } from "../runtime/config/paths.ts";
import type { JsonObject } from "../runtime/json.ts";
import { freePort } from "./harness/ports.ts";

const START_MS = 300_000;

/** The value of a series of which there is one, whatever labels it has; undefined where there is none. */
export function metricOf(metrics: ReadonlyMap<string, number>, name: string): number | undefined {
  return [...metrics].find(([series]) => series === name || series.startsWith(`${name}{`))?.[1];
}

/**
 * Something done with a desk on a folder of its own, which both are gone afterwards, whatever happens.
 * @param prepare fills the folder before the desk starts on it
 */
export async function withDesk<T>(
  settings: JsonObject,
  work: (desk: DeskProcess, dataDir: string) => Promise<T>,
  prepare?: (dataDir: string) => Promise<void>,
): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
  try {
    await prepare?.(dataDir);
    const desk = await DeskProcess.start(dataDir, settings);
    try {
      return await work(desk, dataDir);
    } finally {
      await desk.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

export class DeskProcess {
  readonly url: string;
  readonly adminToken: string;
  /** From its beginning until it served, ms. */
  readonly startMs: number;
  readonly #watchdog: ChildProcess;

  private constructor(url: string, adminToken: string, startMs: number, watchdog: ChildProcess) {
    this.url = url;
    this.adminToken = adminToken;
    this.startMs = startMs;
    this.#watchdog = watchdog;
  }

  /**
   * `bin/bailiwick up` on a directory. Resolves once it serves. @throws when it does not
   * @param settings of the configuration
   */
  static async start(dataDir: string, settings: JsonObject): Promise<DeskProcess> {
    const begun = performance.now();
    const port = await freePort();
    const config = join(dataDir, "bailiwick.yaml");
    // JSON is YAML.
    writeFileSync(config, JSON.stringify(settings));
    const own = ["--config", config, "--port", String(port), "--data-dir", dataDir];
    const args = [asset("bin", "bailiwick"), "up", "--json", ...own];
    const watchdog = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let words = "";
    watchdog.stderr!.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-2_000);
    });
    const url = `http://127.0.0.1:${port}`;
    const end = begun + START_MS;
    for (;;) {
      const ready = await fetch(`${url}/readyz`).then(
        (response) => response.ok,
        () => false,
      );
      if (ready) break;
      if (watchdog.exitCode !== null || performance.now() > end) {
        watchdog.kill("SIGKILL");
        throw new Error(`the desk did not start: ${words.trim() || "it does not answer"}`);
      }
      await sleep(100);
    }
    const adminToken = readFileSync(join(dataDir, "admin.token"), "utf8").trim();
    return new DeskProcess(url, adminToken, performance.now() - begun, watchdog);
  }

  /** Values by the name and labels of their series. */
  async metrics(): Promise<Map<string, number>> {
    const headers = { authorization: `Bearer ${this.adminToken}` };
    const text = await (await fetch(`${this.url}/metrics`, { headers })).text();
    const values = new Map<string, number>();
    for (const line of text.split("\n")) {
      if (line.startsWith("#") || line === "") continue;
      const space = line.lastIndexOf(" ");
      values.set(line.slice(0, space), Number(line.slice(space + 1)));
    }
    return values;
  }

  async stop(): Promise<void> {
    if (this.#watchdog.exitCode !== null || this.#watchdog.signalCode !== null) return;
    const gone = once(this.#watchdog, "exit");
    this.#watchdog.kill("SIGTERM");
    await gone;
  }
}
