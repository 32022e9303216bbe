/** The verbs: `setup` ends when all is ready, `start` goes on as the desk, `demo` as the demo, `test` runs the checks. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { build } from "./build.mjs";
import { installDependencies } from "./dependencies.mjs";
import { prepareEncoder } from "./encoder.mjs";
import { findNatsServer } from "./nats-server.mjs";
import { cache, root } from "./places.mjs";
import { prepareShipped } from "./shipped.mjs";
import { explain, SetupError, step } from "./steps.mjs";

const verbs = {
  setup: async () => {
    await setUp();
    process.stderr.write("Ready. Start the desk with: npm start\n");
  },
  start: async (args) => {
    await setUp();
    await bailiwick(["up", ...args]);
  },
  demo: async (args) => {
    await setUp();
    await bailiwick(["demo", ...args]);
  },
  test: async (args) => {
    await setUp();
    const { runChecks } = await import("./checks.mjs");
    process.exitCode = await runChecks(args);
  },
};

export async function main([verb, ...args]) {
  const work = verbs[verb];
  if (!work) {
    process.stderr.write(`error: ${verb ?? "no verb"}: known are ${Object.keys(verbs).join(", ")}\n`);
    process.exitCode = 2;
    return;
  }
  try {
    await work(args);
  } catch (error) {
    explain(error);
    process.exitCode = error instanceof SetupError ? 3 : 1;
  }
}

async function setUp() {
  checkFolders();
  await step("dependencies", installDependencies);
  await step("nats-server", (say) => findNatsServer(say));
  await step("build", build);
  await step("encoder", prepareEncoder);
  await step("what is shipped", prepareShipped);
}

function checkFolders() {
  try {
    accessSync(root, constants.W_OK);
    mkdirSync(cache, { recursive: true });
    accessSync(cache, constants.W_OK);
  } catch (error) {
    throw new SetupError(
      `${error.path ?? root} cannot be written by this user, and set-up puts dependencies, the build and the cache there`,
      [error.message],
      `make it yours: sudo chown -R $(id -u) ${root} (BAILIWICK_CACHE_DIR moves the cache), or clone into a folder of your own`,
    );
  }
}

/** The command runs in this process, so that Ctrl-C and the exit code are its own. */
async function bailiwick(args) {
  const { main: run } = await import(new URL("../../dist/app/cli.js", import.meta.url));
  process.exitCode = await run(args);
}
