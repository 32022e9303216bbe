/**
 * The composition root: builds a desk out of the rooms, as a supervision tree whose parts start in order and stop in
 * reverse. `rest_for_one`: what depends on a part that failed is started again with it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Opening } from "../actors/routes/index.ts";
import type { BackOffice } from "../actors/skills/backoffice/index.ts";
import { type DataDir, openDataDir } from "../runtime/config/data-dir.ts";
import type { Config } from "../runtime/config/schema.ts";
import { checkAddress } from "../runtime/gateway/index.ts";
import type { ActorDefinition } from "../runtime/host/definition.ts";
import type { Node } from "../runtime/node.ts";
import { createMetrics, openLog } from "../runtime/telemetry/index.ts";
import type { RecordedDesk } from "../scenarios/recording/make.ts";
import { Supervisor } from "../supervisors/index.ts";
import { agents, bus, type DeskOptions, gateway, node, type Parts } from "./desk-parts.ts";

export type { DeskOptions } from "./desk-parts.ts";

export class Desk {
  readonly config: Config;
  readonly dir: DataDir;
  readonly #parts: Parts;
  readonly #tree: Supervisor;

  private constructor(config: Config, dir: DataDir, parts: Parts, tree: Supervisor) {
    this.config = config;
    this.dir = dir;
    this.#parts = parts;
    this.#tree = tree;
  }

  /** Resolves once customers can be answered. @throws what kept a part from starting; nothing is left behind then. */
  static async start(options: DeskOptions): Promise<Desk> {
    const { config } = options;
    const dir = await openDataDir(config.dataDir);
    try {
      await checkAddress(config.gateway.host, config.gateway.port);
    } catch (error) {
      await dir.release();
      throw error;
    }
    const metrics = createMetrics({ process: true, labels: { workspace: config.workspace } });
    const parts: Parts = { metrics };
    const log = openLog({
      dir: join(dir.path, "logs"),
      level: config.telemetry.level,
      maxBytes: config.telemetry.maxLogBytes,
      keep: config.telemetry.keepLogs,
    });
    parts.log = log;
    const tree = new Supervisor({
      name: "desk",
      strategy: "rest_for_one",
      children: [
        bus(options, parts),
        agents(options, parts),
        node(options, parts, dir),
        gateway(options, parts, dir, () => tree),
      ],
      onEvent: ({ child, type, error, waitMs }) => {
        if (type === "restarting") metrics.restarts.inc({ supervisor: "desk", child });
        log.logger[error ? "warn" : "info"]({ child, waitMs, error: error?.message }, `supervisor: ${type}`);
      },
    });
    const giveUp = (): void => void tree.stop();
    options.signal?.addEventListener("abort", giveUp, { once: true });
    try {
      options.signal?.throwIfAborted();
      await tree.start();
    } catch (error) {
      await dir.release();
      await log.close();
      throw error;
    } finally {
      options.signal?.removeEventListener("abort", giveUp);
    }
    const { url } = parts.gateway!;
    dir.announce({
      pid: process.pid,
      url,
      name: options.name,
      workspace: config.workspace,
      startedAt: new Date().toISOString(),
    });
    return new Desk(config, dir, parts, tree);
  }

  get url(): string {
    return this.#parts.gateway!.url;
  }

  get adminToken(): string {
    return readFileSync(this.dir.adminTokenFile, "utf8").trim();
  }

  get node(): Node {
    return this.#parts.node!;
  }

  get definitions(): readonly ActorDefinition[] {
    return this.#parts.agents!.definitions;
  }

  /** What `conversation.open` says of it. */
  get opening(): Opening {
    return this.#parts.agents!.opening;
  }

  /** What a recording says of the desk that it was made on. */
  get recorded(): RecordedDesk {
    return this.#parts.agents!.recorded;
  }

  get backOffice(): BackOffice {
    return this.#parts.agents!.backOffice;
  }

  get logger() {
    return this.#parts.log!.logger;
  }

  get logFile(): string {
    return this.#parts.log!.file;
  }

  /** Process of the embedded nats-server. */
  get natsPid(): number | undefined {
    return this.#parts.server?.pid;
  }

  /** What the start of this desk means to its operator, one line each. */
  get notes(): readonly string[] {
    return this.#parts.agents!.notes;
  }

  /** With an error when the tree gave up, without one when it was stopped. */
  get ended(): Promise<Error | undefined> {
    return this.#tree.ended;
  }

  /** Drains: takes nothing new, finishes what is under way, stops every part, lets go of the directory. */
  async stop(): Promise<void> {
    await this.#tree.stop();
    await this.dir.release();
    await this.#parts.log?.close();
  }
}
