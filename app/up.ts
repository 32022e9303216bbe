/** `up`: runs a node. A watchdog process above it restarts the runtime when its event loop stands still or it crashes. */
import { fileURLToPath } from "node:url";
import { type Command, InvalidArgumentError } from "commander";
import type { CliEnv, Contributor } from "../runtime/config/cli.ts";

/** Set for the runtime by the watchdog: it is the child. */
const CHILD = "BAILIWICK_RUNTIME";

interface UpOptions {
  readonly port?: number;
  readonly nats?: string;
  readonly node: string;
}

/** The same command line again, for the child. */
function argumentsOf(
  options: UpOptions & { config?: string; dataDir?: string; workspace?: string; json?: boolean },
): string[] {
  const { port, nats, node, config, dataDir, workspace, json } = options;
  const flags = {
    "--config": config,
    "--data-dir": dataDir,
    "--workspace": workspace,
    "--port": port,
    "--nats": nats,
  };
  const given = Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [flag, String(value)],
  );
  return ["up", "--node", node, ...given, ...(json ? ["--json"] : [])];
}

function portNumber(value: string): number {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new InvalidArgumentError("use a whole number from 0 to 65535");
}

export const commands: Contributor = (program: Command, env: CliEnv) => {
  program
    .command("up")
    .description("run a node")
    .option("--port <n>", "port of the gateway, 0 for a free one", portNumber)
    .option("--nats <url>", "an outside NATS server or cluster instead of the embedded one")
    .option("--node <name>", "name of this node", "node-1")
    .action(async (options: UpOptions, command: Command) => {
      env.override(
        {
          ...(options.port === undefined ? {} : { "gateway.port": options.port }),
          ...(options.nats === undefined ? {} : { "nats.url": options.nats }),
        },
        { "gateway.port": "--port", "nats.url": "--nats" },
      );
      const config = env.config();
      // What the desk keeps is its owner's alone, whatever makes the file: LevelDB, the encoder's cache, a log.
      process.umask(0o077);
      if (process.env[CHILD] || !config.watchdog.enabled) {
        const { runNode } = await import("./runtime.ts");
        await runNode(env, options.node);
        return;
      }
      const { ENGINE_NODE_ARGUMENTS } = await import("../runtime/node-arguments.ts");
      const { runWatchdog } = await import("../supervisors/index.ts");
      const code = await runWatchdog({
        entry: fileURLToPath(new URL("../../bin/bailiwick", import.meta.url)),
        execArgv: [...process.execArgv, ...ENGINE_NODE_ARGUMENTS],
        args: argumentsOf(command.optsWithGlobals()),
        env: { ...process.env, [CHILD]: "1" },
        stallMs: config.watchdog.stallMs,
        drainMs: config.host.drainMs + 10_000,
        onEvent: (event) => {
          if (event.type === "stalled")
            env.err(`the runtime stood still for ${event.silentMs} ms and is started again`);
          else if (event.type === "exited" && event.signal) env.err(`the runtime ended by ${event.signal}`);
          else if (event.type === "restarting")
            env.err(`it is started again in ${Math.round(event.waitMs)} ms`);
          else if (event.type === "gave-up") env.err(`the runtime failed ${event.restarts} times: given up`);
        },
      });
      env.fail(code);
    });
};
