/** Checks of the desk itself: whether it runs, whether it could, whether its model answers. */
import { createServer } from "node:net";
import { isPresent, modelProvider, OLLAMA_URL } from "../../actors/model/index.ts";
import { type Config, isDataDirHeld, readNodeInfo } from "../../runtime/config/index.ts";
import { modelCallsIn } from "../../scenarios/recording/model-calls.ts";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";

const PROBE_MS = 3_000;

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(PROBE_MS) })).ok;
  } catch {
    return false;
  }
}

export function desk(config: Config): Check {
  return {
    name: "desk",
    async run() {
      const info = readNodeInfo(config.dataDir);
      const held = await isDataDirHeld(config.dataDir);
      if (held && info) {
        if (await answers(`${info.url}/livez`)) return ok(`running at ${info.url} (process ${info.pid})`);
        return fail(
          `process ${info.pid} has the data directory, but nothing answers at ${info.url}`,
          `wait a moment; if it stays so: kill ${info.pid} and npm start`,
        );
      }
      if (held) {
        return warn(
          "a node is starting on the data directory, or has stopped half-way",
          "wait a moment and look again",
        );
      }
      return port(config.gateway.host, config.gateway.port);
    },
  };
}

function port(host: string, number: number): Promise<Finding> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      done(
        error.code === "EADDRINUSE"
          ? fail(
              `port ${number} is taken by another program`,
              `see which: ss -ltnp 'sport = :${number}'; or: bin/bailiwick up --port N`,
            )
          : fail(
              `${host}:${number} cannot be listened on (${error.code})`,
              "set gateway.host and gateway.port to an address of this machine and a port above 1023",
            ),
      );
    });
    server.listen(number, host, () => server.close(() => done(ok(`not running; port ${number} is free`))));
  });
}

async function recorded(paths: readonly string[]): Promise<Finding> {
  try {
    const { length } = await modelCallsIn(paths);
    if (length > 0) return ok(`${length} calls of models in recordings`);
    return warn("no model was called in model.recordings", "name recordings of conversations that had one");
  } catch (error) {
    return fail((error as Error).message, "correct model.recordings");
  }
}

export function model(config: Config): Check {
  return {
    name: "model",
    async run() {
      const { provider: kind, model: name, url } = config.model;
      if (kind === "recorded") {
        return recorded(config.model.recordings);
      }
      const provider = modelProvider(config.model);
      if (!provider) return ok("none configured; the desk answers from playbooks and knowledge");
      const base = url ?? OLLAMA_URL;
      const ollama = kind === "ollama";
      if (!name) {
        return fail(`model.provider is ${kind}, but model.model names no model`, "set model.model");
      }
      let names: string[];
      try {
        names = await provider.models(AbortSignal.timeout(PROBE_MS));
      } catch (error) {
        const why =
          error instanceof Error && error.name === "ProviderError" ? error.message : "no answer in time";
        return warn(
          `the model server at ${base} does not answer as it should (${why})`,
          `${ollama ? "ollama serve, or correct model.url" : "start it, or correct model.url and model.apiKey"}; until then the desk runs without`,
        );
      }
      if (!isPresent(names, name)) {
        return warn(
          `${base} answers, but does not list ${name}`,
          ollama ? `ollama pull ${name}` : "correct model.model to a name that it lists",
        );
      }
      return ok(`${name} at ${base}`);
    },
  };
}
