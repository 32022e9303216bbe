/**
 * Processes for the test of records that a process does not survive. As `parent` it watches itself as `child`, which
 * runs a node over the server that the environment names.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { address, parseAddress } from "../runtime/address.ts";
import { connectBus } from "../runtime/bus/index.ts";
import type { ActorDefinition } from "../runtime/host/definition.ts";
import { type ActorInput, assign, setup } from "../runtime/host/machine.ts";
import { openKeyRing } from "../runtime/log/keyring.ts";
import { Node } from "../runtime/node.ts";
import { cellRestartPolicy } from "./cell-policy.ts";
import { runWatchdog } from "./watchdog.ts";
import { joinWatchdog } from "./watchdog-child.ts";

const role = process.argv[2];
const { DESK_DIR: dir = "", DESK_URL: url = "", DESK_USER: user, DESK_PASS: pass } = process.env;

if (role === "parent") {
  const code = await runWatchdog({
    entry: fileURLToPath(import.meta.url),
    args: ["child"],
    stallMs: 1_500,
    startMs: 30_000,
    intensity: { max: 10, periodMs: 60_000 },
    backoff: () => 10,
    onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  });
  process.exit(code);
}

/** Adds; on `loop` it never comes back, and nothing within its process can help that. */
const looping: ActorDefinition = {
  kind: "looping",
  version: 1,
  machine: setup({
    types: {} as { context: { total: number; quarantined: number }; input: ActorInput },
  }).createMachine({
    context: { total: 0, quarantined: 0 },
    on: {
      add: { actions: assign({ total: ({ context }) => context.total + 1 }) },
      loop: {
        actions: () => {
          for (;;);
        },
      },
      "host.quarantined": { actions: assign({ quarantined: ({ context }) => context.quarantined + 1 }) },
    },
  }),
};

const link = joinWatchdog({ everyMs: 100 });
const bus = await connectBus({ url, user, pass, name: "child" });
const keys = await openKeyRing({ bus, workspace: "test", dataDir: dir });
const node = await Node.start({
  bus,
  keys,
  workspace: "test",
  dir: join(dir, "engine"),
  definitions: [looping],
  services: [],
  policy: cellRestartPolicy({ maxAttempts: 2 }),
  log: { warn: () => {}, error: () => {} },
});
bus.subscribe("test.read", (message) => {
  const to = parseAddress(Buffer.from(message.data).toString());
  void node.read(address(to.kind, to.key, to.id)).then(
    (view) => message.respond(Buffer.from(JSON.stringify(view?.view ?? null))),
    () => {},
  );
});
await bus.flush();
process.on("SIGTERM", () => {
  void node
    .stop()
    .then(() => bus.close())
    .then(() => link.leave());
});
link.ready();
