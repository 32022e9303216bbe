/** A nats-server of one's own in a folder that is gone afterwards. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, connectBus, EmbeddedServer } from "../../runtime/bus/index.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";

export async function ownServer(): Promise<{ bus: Bus; stop(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-nats-"));
  const clean = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    const server = await EmbeddedServer.start({ binary: findNatsServer(), dir, name: "replay" });
    const bus = await connectBus({
      ...server,
      url: server.url,
      user: server.user,
      pass: server.pass,
      name: "replay",
    });
    return {
      bus,
      stop: async () => {
        await bus.close();
        await server.stop();
        await clean();
      },
    };
  } catch (error) {
    await clean();
    throw error;
  }
}
