/**
 * Finds a nats-server, or fetches one into the cache. The order is that of runtime/config/nats-server.ts, which looks
 * again when the desk starts.
 */
import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fetchDebianPackage } from "./nats-debian.mjs";
import { fetchRelease } from "./nats-release.mjs";
import { natsFolder } from "./places.mjs";
import { isProgram, run } from "./shell.mjs";
import { SetupError } from "./steps.mjs";

/** Older servers lack what the log and the leases are built on. */
const MIN_VERSION = [2, 9, 0];

/** Where servers lie that a distribution installed, also when PATH of an ordinary user leaves them out. */
const USUAL_FOLDERS = ["/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/opt/homebrew/bin"];

/** Version of a nats-server, or why it cannot be used. */
export async function examine(path) {
  const { code, output } = await run(path, ["--version"], { timeoutMs: 10_000 });
  const version = /v?(\d+)\.(\d+)\.(\d+)/.exec(output)?.slice(1).map(Number);
  if (code !== 0 || !version) return { problem: `${path} does not run here (exit code ${code})` };
  const order = version.map((n, i) => n - MIN_VERSION[i]).find((difference) => difference !== 0) ?? 0;
  if (order < 0) return { problem: `${path} is ${version.join(".")}, older than ${MIN_VERSION.join(".")}` };
  return { version: version.join(".") };
}

export async function findNatsServer(say, env = process.env) {
  if (env.BAILIWICK_NATS_URL) return { skipped: true, note: "nats.url names an outside server" };
  const tried = [];
  if (env.BAILIWICK_NATS_SERVER) {
    const path = env.BAILIWICK_NATS_SERVER;
    const found = isProgram(path)
      ? await examine(path)
      : { problem: `${path} is no program that this user may run` };
    if (found.version) return { skipped: true, note: `${path}, ${found.version}` };
    throw new SetupError(
      "BAILIWICK_NATS_SERVER does not name a nats-server that can be used",
      [found.problem],
      "correct the variable, or unset it to have one found",
    );
  }
  const search = env.BAILIWICK_NATS_SEARCH_PATH;
  const folders =
    search === undefined ? [...(env.PATH ?? "").split(delimiter), ...USUAL_FOLDERS] : search.split(delimiter);
  let lying = 0;
  for (const folder of new Set([...folders, natsFolder])) {
    const path = join(folder, "nats-server");
    if (!folder || !isProgram(path)) continue;
    lying++;
    const found = await examine(path);
    if (found.version) return { skipped: true, note: `${path}, ${found.version}` };
    tried.push(found.problem);
  }
  if (lying === 0) tried.push("PATH, /usr/sbin, /usr/local/bin and the cache: no nats-server there");

  for (const [what, fetchOne] of [
    ["distribution package", fetchDebianPackage],
    ["release page", fetchRelease],
  ]) {
    say(`fetching the ${what}`);
    const work = join(natsFolder, "work");
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    try {
      const program = await fetchOne(work, say);
      const found = await examine(program);
      if (!found.version) throw new Error(found.problem);
      keep(program);
      return { note: `${what}, ${found.version}` };
    } catch (error) {
      tried.push(`${what}: ${error.message}`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  throw new SetupError(
    "no nats-server was found, and none could be fetched",
    tried,
    `install it (Debian, Ubuntu: sudo apt-get install nats-server; macOS: brew install nats-server), or put the program from https://github.com/nats-io/nats-server/releases to ${join(natsFolder, "nats-server")}, or name one in BAILIWICK_NATS_SERVER`,
  );
}

/** Moved into place at once, so that an interrupted set-up leaves no half of a program. */
function keep(program) {
  const target = join(natsFolder, "nats-server");
  copyFileSync(program, `${target}.new`);
  chmodSync(`${target}.new`, 0o755);
  renameSync(`${target}.new`, target);
}
