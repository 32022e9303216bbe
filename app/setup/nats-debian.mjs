/**
 * The nats-server of Debian and Ubuntu, downloaded and unpacked into the cache: nothing is installed and no service
 * starts. It works as an ordinary user and without package lists, because apt is told to keep all of its state here;
 * apt checks the signatures of the lists and the checksum of the package.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isProgram, reason, run, which } from "./shell.mjs";

const SBIN = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** @returns {Promise<string>} path of the unpacked program; throws an Error that says why there is none */
export async function fetchDebianPackage(work, say) {
  const apt = which("apt-get", SBIN);
  const unpack = which("dpkg-deb", SBIN);
  if (!apt || !unpack) throw new Error("apt-get and dpkg-deb are not on this machine");
  const download = async (options) =>
    run(apt, [...options, "-q", "download", "nats-server"], { cwd: work, timeoutMs: 300_000 });

  // With the lists that are on the machine, when they are there and still true; else with lists of our own.
  let result = await download(stateIn(work, false));
  if (packageIn(work) === undefined) {
    say("fetching package lists into the cache");
    const own = stateIn(work, true);
    // A third party's source that does not answer makes this fail although the distribution's lists came: go on.
    const update = await run(apt, [...own, "-q", "update"], { cwd: work, timeoutMs: 300_000 });
    result = await download(own);
    if (packageIn(work) === undefined) {
      const why = update.code === 0 ? "" : `; apt-get update: ${reason(update)}`;
      throw new Error(`apt-get download nats-server: ${reason(result)}${why}`);
    }
  }
  const content = join(work, "content");
  const unpacked = await run(unpack, ["-x", packageIn(work), content], { cwd: work });
  if (unpacked.code !== 0) throw new Error(`dpkg-deb -x: ${reason(unpacked)}`);
  const program = ["usr/sbin", "usr/bin"].map((dir) => join(content, dir, "nats-server")).find(isProgram);
  if (!program) throw new Error("the package has no nats-server in it");
  return program;
}

function stateIn(work, ownLists) {
  const state = join(work, "apt");
  for (const dir of ["lists/partial", "cache/archives/partial", "state"])
    mkdirSync(join(state, dir), { recursive: true });
  const settings = {
    "Dir::Cache": join(state, "cache"),
    "Debug::NoLocking": "1",
    // As root, apt would download as the user _apt, who may not write here.
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    ...(ownLists ? { "Dir::State": join(state, "state"), "Dir::State::Lists": join(state, "lists") } : {}),
    "Dir::State::status": "/var/lib/dpkg/status",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

function packageIn(work) {
  return readdirSync(work).find((name) => /^nats-server_.*\.deb$/.test(name));
}
