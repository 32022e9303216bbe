/** A real server for tests, in a directory of its own that goes away with it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNatsServer } from "../config/nats-server.ts";
import type { Bus } from "./bus.ts";
import { connectBus } from "./connection.ts";
import { EmbeddedServer, type EmbeddedServerOptions } from "./server.ts";

export interface TestServer {
  readonly url: string;
  readonly user: string;
  readonly pass: string;
  readonly dir: string;
  readonly server: EmbeddedServer;
  /** A connection that `stop` closes. */
  connect(name?: string): Promise<Bus>;
  stop(): Promise<void>;
}

export async function startTestServer(options: Partial<EmbeddedServerOptions> = {}): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), "bw-nats-"));
  const server = await EmbeddedServer.start({
    binary: findNatsServer(),
    dir,
    name: "test",
    jetstream: { maxMemory: 64 * 1024 * 1024, maxFile: 1024 * 1024 * 1024 },
    ...options,
  });
  const { url, user, pass } = server;
  const buses: Bus[] = [];
  return {
    url,
    user,
    pass,
    dir,
    server,
    connect: async (name = "test") => {
      const bus = await connectBus({ url, user, pass, name });
      buses.push(bus);
      return bus;
    },
    stop: async () => {
      await Promise.all(buses.map((bus) => bus.close()));
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
