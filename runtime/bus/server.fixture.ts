/** A process that runs an embedded server and says where; the test kills it. Arguments: directory, then nothing. */
import { findNatsServer } from "../config/nats-server.ts";
import { EmbeddedServer } from "./server.ts";

const dir = process.argv[2]!;
try {
  const server = await EmbeddedServer.start({ binary: findNatsServer(), dir, name: "fixture" });
  process.stdout.write(
    `${JSON.stringify({ pid: server.pid, url: server.url, user: server.user, pass: server.pass })}\n`,
  );
  process.on("SIGTERM", () => void server.stop().then(() => process.exit(0)));
  setInterval(() => {}, 1_000);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: (error as Error).message })}\n`);
  process.exit(1);
}
