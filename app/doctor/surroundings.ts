/** Checks of the machine and of what set-up put on it. */
import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { dirname, isAbsolute, join } from "node:path";
import {
  type Config,
  cacheDir,
  copiesRisk,
  findNatsServer,
  natsServerVersion,
  powerCutRisk,
} from "../../runtime/config/index.ts";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";

const MIN_NODE = [20, 19] as const;
/** Below this the desk still runs, but a busy day fills the disk. */
const LOW_DISK_BYTES = 2 * 1024 ** 3;
const FULL_DISK_BYTES = 200 * 1024 ** 2;

export const nodeVersion: Check = {
  name: "node",
  run() {
    const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
    const fits = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
    return fits
      ? ok(`Node ${process.versions.node}`)
      : fail(
          `Node ${process.versions.node} is older than 20.19`,
          "install Node 20.19 or later: https://nodejs.org/en/download",
        );
  },
};

/** Packages with compiled parts: they are shipped built, for the usual platforms. */
export const compiledPackages: Check = {
  name: "compiled packages",
  async run() {
    const broken: string[] = [];
    for (const name of ["classic-level", "onnxruntime-node", "sharp"]) {
      try {
        await import(name);
      } catch (error) {
        broken.push(`${name} (${String((error as Error).message).split("\n")[0]})`);
      }
    }
    return broken.length === 0
      ? ok("LevelDB, ONNX Runtime and sharp load")
      : fail(
          `cannot be loaded on this machine: ${broken.join(", ")}`,
          "rm -rf node_modules && npm run setup",
        );
  },
};

export function dataDirectory(dir: string): Check {
  return {
    name: "data directory",
    run() {
      let place = dir;
      while (!existsSync(place)) place = dirname(place);
      if (!statSync(place).isDirectory())
        return fail(`${place} is no directory`, `move ${place} away, or use --data-dir`);
      try {
        accessSync(place, constants.W_OK | constants.X_OK);
      } catch {
        return fail(
          `${place} cannot be written by this user`,
          `sudo chown -R $(id -u) ${place}, or use --data-dir`,
        );
      }
      const { bavail, bsize } = statfsSync(place);
      const free = bavail * bsize;
      const shown = `${dir}, ${(free / 1024 ** 3).toFixed(1)} GiB free`;
      if (free < FULL_DISK_BYTES)
        return fail(`the disk is full: ${shown}`, `free some space: du -xh ${place} | sort -h | tail`);
      if (free < LOW_DISK_BYTES)
        return warn(`little disk left: ${shown}`, `free some space: du -xh ${place} | sort -h | tail`);
      return ok(shown);
    },
  };
}

export function natsServer(config: Config): Check {
  return {
    name: "nats-server",
    run() {
      if (config.nats.url) return outside(config.nats.url, config.log.replicas);
      let path: string;
      try {
        path = findNatsServer(config.nats.server);
      } catch (error) {
        return fail((error as Error).message, "npm run setup");
      }
      const version = natsServerVersion(path);
      if (!version)
        return fail(
          `${path} does not say its version`,
          "npm run setup, or set BAILIWICK_NATS_SERVER to another",
        );
      const risk = powerCutRisk(version);
      return risk ? warn(`${path}: ${risk.what}`, risk.mend) : ok(`${path}, ${version}`);
    },
  };
}

/** An outside server says its version in the first line that it sends. */
async function outside(urls: string, replicas: number): Promise<Finding> {
  const [first = ""] = urls.split(",");
  const { hostname, port } = new URL(first.includes("://") ? first : `nats://${first}`);
  const at = `${hostname}:${port || 4222}`;
  const info = await new Promise<string | undefined>((done) => {
    const socket = connectTcp({ host: hostname, port: Number(port || 4222), timeout: 3_000 });
    let text = "";
    const end = (value?: string) => {
      socket.destroy();
      done(value);
    };
    socket.on("data", (chunk) => {
      text += chunk.toString();
      if (text.includes("\r\n")) end(text);
    });
    socket.on("error", () => end());
    socket.on("timeout", () => end());
    socket.on("close", () => done(undefined));
  });
  const version = info && /"version":"v?(\d+\.\d+\.\d+)/.exec(info)?.[1];
  if (!version)
    return fail(`no NATS server answers at ${at}`, "start it, or correct nats.url (BAILIWICK_NATS_URL)");
  if (!/"jetstream":true/.test(info))
    return fail(`the NATS server at ${at} runs without JetStream`, "start it with -js");
  const apart = replicas > 1 ? copiesRisk(version) : undefined;
  if (apart) return fail(`${at}: ${apart.what}`, apart.mend);
  const risk = powerCutRisk(version);
  return risk
    ? warn(`${at}: ${risk.what}`, "update that server to 2.10.29 or later")
    : ok(`${at}, ${version}`);
}

/** Folder of the encoder that is configured. */
export function encoderDir(config: Config): string {
  const { model, path } = config.encoder;
  return isAbsolute(model) ? model : join(path ?? join(cacheDir(), "models"), model);
}

export function encoder(config: Config): Check {
  return {
    name: "encoder",
    run() {
      const dir = encoderDir(config);
      const missing = ["config.json", "tokenizer.json", "onnx"].filter(
        (name) => !existsSync(join(dir, name)),
      );
      if (missing.length === 0) return ok(`${config.encoder.model} in ${dir}`);
      return fail(
        `${config.encoder.model}: ${missing.join(", ")} missing in ${dir}`,
        config.encoder.model === "use-lite-en"
          ? "npm run setup"
          : `bin/bailiwick models pull ${config.encoder.model}, or copy the model there`,
      );
    },
  };
}
