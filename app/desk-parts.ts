/** The parts of a desk, in the order in which they start: bus, agents, node, gateway. Each finds there what those before it left. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Faults } from "../actors/data/index.ts";
import { HandoffDesk } from "../actors/handoff/index.ts";
import { deskRoutes, followStatus, type StatusFeed } from "../actors/routes/index.ts";
import { stateRoutes } from "../actors/routes/state.ts";
import type { BackOffice } from "../actors/skills/backoffice/index.ts";
import { Unknowns } from "../actors/task/index.ts";
import { pageRoutes } from "../console/page.ts";
import type { Bus } from "../runtime/bus/bus.ts";
import { connectBus, EmbeddedServer, requireJetStream } from "../runtime/bus/index.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import type { DataDir } from "../runtime/config/data-dir.ts";
import { FULL_BYTES, fullDisk } from "../runtime/config/disk.ts";
import { copiesRisk, findNatsServer } from "../runtime/config/nats-server.ts";
import type { Config } from "../runtime/config/schema.ts";
import { ConversationTokens, type Gateway, RouteRegistry, startGateway } from "../runtime/gateway/index.ts";
import type { JsonObject } from "../runtime/json.ts";
import { openKeyRing, type WorkspaceKeyRing } from "../runtime/log/keyring.ts";
import { Node } from "../runtime/node.ts";
import type { ClusterOptions } from "../runtime/partitions.ts";
import type { RetentionOptions } from "../runtime/retention.ts";
import type { Metrics, ProcessLog } from "../runtime/telemetry/index.ts";
import { recordingRoutes } from "../scenarios/recording/routes.ts";
import { cellRestartPolicy } from "../supervisors/cell-policy.ts";
import type { ChildSpec, Supervisor } from "../supervisors/index.ts";
import { type Agents, openAgents } from "./agents.ts";
import type { BackupSource } from "./backup/make.ts";
import { backupRoutes } from "./backup/routes.ts";
import { storesOf } from "./backup/stores.ts";
import { keyLinks } from "./links.ts";
import { feedMetrics, type MetricsFeed } from "./metrics.ts";
import { visitRecords } from "./search/records.ts";
import { searchRoutes } from "./search/routes.ts";

export interface DeskOptions {
  readonly config: Config;
  /** A clock that can be moved, for scenarios. */
  readonly clock?: Clock;
  /** Faults of the embedded systems, for scenarios. */
  readonly faults?: Faults;
  /** Does more with the back office before the first conversation, after it was seeded. */
  readonly prepare?: (backOffice: BackOffice) => Promise<void>;
  /** Gives the start up when it is aborted. */
  readonly signal?: AbortSignal;
  /** Told what is being started. */
  readonly progress?: (text: string) => void;
  readonly name?: string;
  readonly version?: string;
}

/** Time to live of a node's session, ms: with one server, and with copies in a cluster of servers. */
const TTL_MS = 3_000;
const TTL_OF_COPIES_MS = 12_000;

/** What the parts leave to those that start after them. */
export interface Parts {
  readonly metrics: Metrics;
  log?: ProcessLog;
  server?: EmbeddedServer;
  bus?: Bus;
  /** Another connection to the same server. */
  connect?: (name: string) => Promise<Bus>;
  keys?: WorkspaceKeyRing;
  agents?: Agents;
  node?: Node;
  feed?: StatusFeed;
  measured?: MetricsFeed;
  gateway?: Gateway;
}

export function bus({ config, progress }: DeskOptions, parts: Parts): ChildSpec {
  return {
    id: "bus",
    start: async ({ exited }) => {
      const { url, user, password, token, startTimeoutMs, requestTimeoutMs, maxStoreBytes } = config.nats;
      let where: { url: string; user?: string; pass?: string; token?: string };
      if (url) where = { url, user, pass: password, token };
      else {
        progress?.("starting the message bus");
        const server = await EmbeddedServer.start({
          binary: findNatsServer(config.nats.server),
          dir: join(config.dataDir, "nats"),
          name: "bailiwick",
          startTimeoutMs: Math.max(startTimeoutMs, 60_000),
          jetstream: { maxFile: maxStoreBytes },
        });
        parts.server = server;
        server.onExit((exit) => {
          const { code, complaint, restarting } = exit;
          parts.log?.logger.warn({ code, complaint, restarting }, "nats-server ended");
          if (!exit.restarting) exited(new Error(`nats-server was given up: ${exit.complaint}`));
        });
        where = server;
      }
      parts.connect = (name) =>
        connectBus({
          ...where,
          name,
          timeoutMs: startTimeoutMs,
          requestTimeoutMs,
          onError: (error, at) => parts.log?.logger.warn({ error: error.message, at }, "bus"),
        });
      try {
        const opened = await parts.connect("bailiwick");
        parts.bus = opened;
        if (url) await requireJetStream(opened, startTimeoutMs);
        const apart = config.log.replicas > 1 ? copiesRisk(opened.serverVersion) : undefined;
        if (apart) parts.log?.logger.error({ mend: apart.mend }, apart.what);
        parts.keys = await openKeyRing({
          bus: opened,
          workspace: config.workspace,
          dataDir: config.dataDir,
          replicas: config.log.replicas,
        });
      } catch (error) {
        await parts.bus?.close();
        await parts.server?.stop();
        throw error;
      }
      return {
        which: () => ({ status: parts.bus?.status ?? "closed", server: parts.bus?.serverVersion ?? null }),
        stop: async () => {
          await parts.keys?.close();
          await parts.bus?.close();
          await parts.server?.stop();
        },
      };
    },
  };
}

export function agents(options: DeskOptions, parts: Parts): ChildSpec {
  return {
    id: "agents",
    startTimeoutMs: 180_000,
    start: async () => {
      const { bus, keys, log } = parts;
      parts.agents = await openAgents({ ...options, bus: bus!, keys: keys!, logger: log!.logger });
      return { stop: () => parts.agents?.close() };
    },
  };
}

export function node(
  { config, clock, progress, version }: DeskOptions,
  parts: Parts,
  dir: DataDir,
): ChildSpec {
  return {
    id: "node",
    startTimeoutMs: 600_000,
    stopTimeoutMs: config.host.drainMs,
    start: async ({ exited }) => {
      progress?.("reading the log");
      const { logger } = parts.log!;
      const started = await Node.start({
        bus: parts.bus!,
        keys: parts.keys!,
        workspace: config.workspace,
        dir: join(config.dataDir, "engine"),
        definitions: parts.agents!.definitions,
        services: parts.agents!.services,
        policy: cellRestartPolicy({ maxAttempts: config.host.maxAttempts }),
        log: {
          warn: (message, details) => logger.warn(details, message),
          error: (message, details) => logger.error(details, message),
        },
        clock,
        partitions: config.log.partitions,
        stream: { replicas: config.log.replicas },
        body: { inlineBytes: config.log.inlineBodyBytes, maxBytes: config.log.maxBodyBytes },
        host: {
          passivateAfterMs: config.host.passivateAfterMs,
          snapshotEveryMs: config.host.snapshotEveryMs,
          maxHotActors: config.host.maxHotActors,
          verifyEvery: config.host.verifyEvery,
        },
        retention: retentionOf(config),
        credit: config.log.credit,
        appendTimeoutMs: config.log.appendTimeoutMs,
        onFailure: exited,
        observers: [
          keyLinks(parts.keys!, (conversation, error) =>
            logger.error(
              { conversation, error: String(error) },
              "a conversation's key is not under its customer's",
            ),
          ),
        ],
        cluster: config.nats.url
          ? clusterOptions(config, dir, { pid: process.pid, version: version ?? null })
          : undefined,
        admission: { maxWaiting: config.host.maxBehind },
        progress: (done, all) => progress?.(`reading the log: ${done} of ${all} records`),
      });
      parts.node = started;
      parts.measured = feedMetrics(parts.metrics, started, () => started.deadLetters.count());
      parts.feed = followStatus(started, (error) => logger.warn({ error: String(error) }, "status feed"));
      return {
        which: () => started.status().host as JsonObject,
        stop: async () => {
          parts.feed?.stop();
          parts.measured?.stop();
          await started.stop();
        },
      };
    },
  };
}

export function gateway(
  { config, clock = systemClock, version, name }: DeskOptions,
  parts: Parts,
  dir: DataDir,
  tree: () => Supervisor,
): ChildSpec {
  return {
    id: "gateway",
    start: async () => {
      const engine = parts.node!;
      const { logger } = parts.log!;
      const { metrics } = parts;
      const tokens = new ConversationTokens((purpose, value) => engine.keyedHash(purpose, value));
      const registry = new RouteRegistry().add(
        ...pageRoutes(),
        ...deskRoutes({
          engine,
          tokens,
          handoffs: new HandoffDesk(engine),
          unknowns: new Unknowns(engine),
          deadLetters: {
            list: (limit) => engine.deadLetters.list(limit),
            show: (n) => engine.deadLetters.show(n),
            drop: (n) => engine.deadLetters.drop(n),
            retry: (n) => engine.retryDeadLetter(n),
            count: () => engine.deadLetters.count(),
          },
          feed: parts.feed!,
          opening: parts.agents!.opening,
          assign: parts.agents!.assign,
          maxTextBytes: config.gateway.maxMessageBytes,
          more: () => ({
            version: version ?? null,
            nodes: nodesOf(engine, {
              name: name ?? "node-1",
              pid: process.pid,
              url: parts.gateway?.url ?? null,
            }),
            supervision: tree().which() as unknown as JsonObject,
          }),
        }),
        ...stateRoutes(engine),
        ...recordingRoutes({
          engine,
          desk: parts.agents!.recorded,
          onRaw: (conversation) => logger.warn({ conversation }, "recorded with what people wrote"),
        }),
        ...backupRoutes(backupSource(config, version, parts), logger),
        ...searchRoutes({
          dataDir: config.dataDir,
          visits: [
            (visit, signal) => parts.agents!.memory.visitTexts(visit, signal),
            (visit, signal) => engine.visitTexts(visit, signal),
            (visit) => visitRecords(parts.agents!.backOffice, visit),
          ],
        }),
        ...parts.agents!.routes(engine),
      );
      const started = await startGateway({
        registry,
        gatekeeper: {
          customerAuth: config.gateway.customerAuth,
          customerSecret: config.gateway.customerSecret,
          adminToken: readFileSync(dir.adminTokenFile, "utf8").trim(),
          conversations: tokens,
          now: () => clock.now(),
        },
        host: config.gateway.host,
        port: config.gateway.port,
        allowedHosts: config.gateway.allowedHosts,
        allowedOrigins: config.gateway.allowedOrigins,
        limits: config.gateway.limits,
        readiness: [
          { name: "disk", check: () => fullDisk(config.dataDir, FULL_BYTES) },
          {
            name: "bus",
            check: () => (parts.bus?.status === "connected" ? undefined : `the bus is ${parts.bus?.status}`),
          },
          {
            name: "log",
            check: async () => {
              await engine.logState();
              return undefined;
            },
          },
        ],
        metrics: {
          contentType: metrics.contentType,
          metrics: async () => {
            await parts.measured?.refresh();
            return metrics.text();
          },
        },
        version,
        seen: (request) => {
          parts.measured?.request(request);
          if (request.error) {
            logger.error(
              { requestId: request.requestId, route: request.route, error: (request.error as Error).name },
              "a request failed",
            );
          }
        },
      });
      parts.gateway = started;
      return { which: () => ({ url: started.url }), stop: () => started.close() };
    },
  };
}

/** What a backup of this desk is made of. */
function backupSource(config: Config, version: string | undefined, parts: Parts): BackupSource {
  const { backOffice, erasures } = parts.agents!;
  return {
    workspace: config.workspace,
    dataDir: config.dataDir,
    version: version ?? "unknown",
    partitions: config.log.partitions,
    keys: parts.keys!,
    stores: storesOf(config.dataDir, backOffice),
    connect: () => parts.connect!("bailiwick-backup"),
    erasures: async () => {
      erasures.ensure();
      return erasures.count;
    },
  };
}

/** A node of a server that others may share. */
function clusterOptions(config: Config, dir: DataDir, info: JsonObject): ClusterOptions {
  const { replicas } = config.log;
  const machine = hostname().replace(/[^A-Za-z0-9_-]+/g, "-");
  return {
    node: config.cluster.node ?? `${machine}-${dir.id}`,
    holder: dir.id,
    replicas,
    info,
    ttlMs: config.cluster.ttlMs ?? (replicas > 1 ? TTL_OF_COPIES_MS : TTL_MS),
    drainTimeoutMs: config.host.drainMs,
    leaveEveryMs: config.cluster.leaveEveryMs,
  };
}

/** This node first, and the others as far as it knows of them. */
function nodesOf(engine: Node, own: JsonObject): JsonObject[] {
  const cluster = engine.status().cluster as { node: string; members: JsonObject[] } | undefined;
  if (!cluster) return [own];
  const others = cluster.members.filter((member) => member.node !== cluster.node);
  return [
    { ...own, name: cluster.node },
    ...others.map(({ node, state, pid }) => ({ name: node!, state: state!, pid: pid ?? null, url: null })),
  ];
}

function retentionOf({ retention: { tailMs, logMs } }: Config): RetentionOptions | undefined {
  return logMs === undefined ? undefined : { tailMs, logMs };
}
