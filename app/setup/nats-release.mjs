/** The nats-server of the project's release page, checked against a SHA-256 before it is unpacked. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { reason, run } from "./shell.mjs";

export const RELEASE = "2.10.29";

/** The release page; tests hand in another. */
const PAGE = `https://github.com/nats-io/nats-server/releases/download/v${RELEASE}`;

/**
 * Pinned checksums, as the project's own container images pin them. For other platforms the release's SHA256SUMS file
 * is fetched over https: that finds a broken download, but trusts the release page.
 */
export const PINNED = {
  "linux-amd64": "e314da74a83a1d3876db8814c27eb990fe729640fd6452025b441bcede8390da",
  "linux-arm64": "da4b27942ecfb4c5f0c54553d2e7f470ddda9d7581cfe8131b351a0e223ed401",
};

/** `linux-amd64`, as the release page names platforms. */
export function platformName(platform = process.platform, arch = process.arch) {
  const cpu = { x64: "amd64", arm64: "arm64" }[arch];
  if (!cpu || !["linux", "darwin"].includes(platform))
    throw new Error(`there is no release for ${platform} ${arch}`);
  return `${platform}-${cpu}`;
}

/** @returns {Promise<string>} path of the unpacked program; throws an Error that says why there is none */
export async function fetchRelease(
  work,
  say,
  { page = PAGE, pinned = PINNED, platform = platformName() } = {},
) {
  const folder = `nats-server-v${RELEASE}-${platform}`;
  const name = `${folder}.tar.gz`;
  let expected = pinned[platform];
  if (!expected) {
    say("no checksum is pinned for this platform: checking against the release's SHA256SUMS");
    const sums = (await download(`${page}/SHA256SUMS`)).toString("utf8");
    expected = sums
      .split("\n")
      .map((line) => line.trim().split(/\s+\*?/))
      .find(([, file]) => file === name)?.[0];
    if (!expected) throw new Error(`${page}/SHA256SUMS does not name ${name}`);
  }
  say(`downloading ${name}`);
  const archive = await download(`${page}/${name}`);
  const actual = createHash("sha256").update(archive).digest("hex");
  if (actual !== expected)
    throw new Error(`${page}/${name} has the checksum ${actual}, expected ${expected}: not used`);
  writeFileSync(join(work, name), archive);
  const unpacked = await run("tar", ["-xzf", name], { cwd: work });
  if (unpacked.code !== 0) throw new Error(`tar -xzf ${name}: ${reason(unpacked)}`);
  return join(work, folder, "nats-server");
}

/** Tries Node's own client, then curl, which knows the proxies of this machine. */
async function download(url) {
  let why;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(180_000) });
    if (response.ok) return Buffer.from(await response.arrayBuffer());
    why = `${response.status} ${response.statusText}`;
  } catch (error) {
    why = error.cause?.code ?? error.cause?.message ?? error.message;
  }
  const curl = await new Promise((done) => {
    const options = { encoding: "buffer", maxBuffer: 256 * 1024 * 1024 };
    execFile("curl", ["-fsSL", "--max-time", "180", url], options, (error, stdout, stderr) => {
      if (!error) done({ body: stdout });
      else done({ why: error.code === "ENOENT" ? "" : String(stderr).trim() });
    });
  });
  if (curl.body) return curl.body;
  throw new Error(`${url} cannot be fetched: ${[why, curl.why].filter(Boolean).join("; ")}`);
}
