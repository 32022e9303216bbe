/** A server of its own for each thing that is measured, so that none carries what another one left. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, connectBus, EmbeddedServer } from "../../runtime/bus/index.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";

export class BenchServer {
  readonly #dir: string;
  #server: EmbeddedServer;
  #bus: Bus;

  private constructor(dir: string, server: EmbeddedServer, bus: Bus) {
    this.#dir = dir;
    this.#server = server;
    this.#bus = bus;
  }

  static async start(): Promise<BenchServer> {
    const dir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
    const { server, bus } = await launch(dir);
    return new BenchServer(dir, server, bus);
  }

  get bus(): Bus {
    return this.#bus;
  }

  get version(): string {
    return this.#server.version;
  }

  get place(): { url: string; user: string; pass: string } {
    const { url, user, pass } = this.#server;
    return { url, user, pass };
  }

  /** Memory of the server's process, MiB; undefined where the system does not tell. */
  async memoryMiB(): Promise<number | undefined> {
    try {
      const status = await readFile(`/proc/${this.#server.pid}/status`, "utf8");
      const kib = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
      return kib === undefined ? undefined : Number(kib) / 1024;
    } catch {
      return undefined;
    }
  }

  /** Stops the server and starts it over what it has stored; answers how long that start takes, ms. */
  async restart(): Promise<number> {
    await this.#bus.close();
    await this.#server.stop();
    const from = performance.now();
    const { server, bus } = await launch(this.#dir);
    this.#server = server;
    this.#bus = bus;
    return performance.now() - from;
  }

  async stop(): Promise<void> {
    await this.#bus.close();
    await this.#server.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

async function launch(dir: string): Promise<{ server: EmbeddedServer; bus: Bus }> {
  const server = await EmbeddedServer.start({ binary: findNatsServer(), dir, name: "bench" });
  try {
    const { url, user, pass } = server;
    return { server, bus: await connectBus({ url, user, pass, name: "bench" }) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
