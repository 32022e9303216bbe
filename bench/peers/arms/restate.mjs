/** Restate: its server, and a process with the handler; turns come in over its HTTP ingress. */
import { fork, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { serveTurns } from "../../../dist/bench/peers/turns.js";

const require = createRequire(import.meta.url);
const SERVICE = fileURLToPath(new URL("./restate-service.mjs", import.meta.url));
const START_MS = 30_000;
const TURN_MS = 20_000;

let server;
let service;
let ports;

/** Ports that nobody has at the moment. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve, reject) => {
          const probe = createServer().once("error", reject);
          probe.listen(0, "127.0.0.1", () => resolve(probe));
        }),
    ),
  );
  const found = servers.map((probe) => probe.address().port);
  await Promise.all(servers.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return found;
}

async function answers(url) {
  for (const end = Date.now() + START_MS; ; ) {
    try {
      if ((await fetch(url)).ok) return;
    } catch {}
    if (Date.now() > end) throw new Error(`${url} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function begin() {
  service = fork(SERVICE, [String(ports.service)]);
  await new Promise((resolve) => service.once("message", resolve));
}

async function call(path, body) {
  const response = await fetch(`http://127.0.0.1:${ports.ingress}/support/${path}`, {
    method: "POST",
    signal: AbortSignal.timeout(TURN_MS),
    ...(body === undefined
      ? {}
      : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`restate: ${response.status} ${await response.text()}`);
  return response.json();
}

serveTurns({
  async start(dir) {
    const [ingress, admin, node, own] = await freePorts(4);
    ports = { ingress, admin, service: own };
    const bin = require.resolve("@restatedev/restate-server/lib/index.js");
    server = spawn(process.execPath, [bin, "--base-dir", dir, "--node-name", "bench"], {
      stdio: "ignore",
      env: {
        ...process.env,
        RESTATE_LISTEN_MODE: "tcp",
        RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
        RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
        RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
        RESTATE_DISABLE_TELEMETRY: "1",
        DO_NOT_TRACK: "1",
      },
    });
    await answers(`http://127.0.0.1:${admin}/health`);
    await begin();
    const registered = await fetch(`http://127.0.0.1:${admin}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri: `http://127.0.0.1:${own}` }),
    });
    if (!registered.ok) throw new Error(`restate: ${registered.status} ${await registered.text()}`);
  },
  turn: (conversation, text) => call(`${conversation}/message`, text),
  turnsOf: (conversation) => call(`${conversation}/turns`),
  async crash() {
    service.kill("SIGKILL");
    await begin();
  },
  async stop() {
    service?.kill("SIGKILL");
    if (!server) return;
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await gone;
  },
});
