/** Configuration file of the embedded server, and what can be wrong with the place it lives in. */
import { chmodSync, mkdirSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";

export class ServerStartError extends Error {
  override readonly name = "ServerStartError";
  /** A dependency is missing or down. */
  readonly exitCode = 3;
  constructor(
    /** `binary`, `directory`, `disk`, `port`, `timeout`, `failed`. */
    readonly reason: "binary" | "directory" | "disk" | "port" | "timeout" | "failed",
    message: string,
  ) {
    super(message);
  }
}

export interface JetStreamLimits {
  /** Bytes of memory streams; the server's default (75 % of memory) unless given. */
  readonly maxMemory?: number;
  /**
   * Bytes of file streams; the size of the disk unless given. The server's own default, a share of what is free when it
   * starts, is 0 on a full disk: it would come up without its streams and stay so when there is room again.
   */
  readonly maxFile?: number;
}

export interface ServerSettings {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
  readonly pass: string;
  readonly maxPayload: number;
  readonly jetstream: JetStreamLimits;
  /** Writes reach the disk before they are acknowledged; from 2.10 on. */
  readonly syncAlways: boolean;
}

export interface ServerPaths {
  readonly config: string;
  readonly pid: string;
  readonly log: string;
  readonly store: string;
}

export function serverPaths(dir: string): ServerPaths {
  return {
    config: join(dir, "nats-server.conf"),
    pid: join(dir, "nats-server.pid"),
    log: join(dir, "nats-server.log"),
    store: join(dir, "store"),
  };
}

/** The file holds credentials: 0600, and never seen half written. */
export function writeConfig(paths: ServerPaths, s: ServerSettings): void {
  const text = (value: string) => JSON.stringify(value);
  const limits = [
    s.jetstream.maxMemory === undefined ? "" : `  max_memory_store: ${s.jetstream.maxMemory}\n`,
    `  max_file_store: ${s.jetstream.maxFile ?? diskBytes(dirname(paths.store))}\n`,
    s.syncAlways ? "  sync_interval: always\n" : "",
  ].join("");
  const config = `# Written at each start. Do not edit.
server_name: ${text(s.name)}
host: ${text(s.host)}
port: ${s.port}
pid_file: ${text(paths.pid)}
log_file: ${text(paths.log)}
logfile_size_limit: 4MB
max_payload: ${s.maxPayload}
authorization {
  user: ${text(s.user)}
  password: ${text(s.pass)}
}
jetstream {
  store_dir: ${text(paths.store)}
${limits}}
`;
  const half = `${paths.config}.new`;
  rmSync(half, { force: true });
  writeFileSync(half, config, { mode: 0o600 });
  renameSync(half, paths.config);
}

/** Makes the directory (0700) and looks whether the server will be able to write there. */
export function prepareDirectory(dir: string, paths: ServerPaths, minFreeBytes: number): void {
  try {
    mkdirSync(paths.store, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
    chmodSync(paths.store, 0o700);
    const probe = join(paths.store, ".writable");
    writeFileSync(probe, "x");
    rmSync(probe);
  } catch (error) {
    throw directoryError(dir, error as NodeJS.ErrnoException);
  }
  const disk = statfsSync(dir);
  const free = disk.bavail * disk.bsize;
  if (free < minFreeBytes) {
    throw new ServerStartError(
      "disk",
      `the disk of ${dir} has ${mib(free)} free, at least ${mib(minFreeBytes)} are needed: free some space (df -h ${dir}), or choose another directory with --data-dir`,
    );
  }
}

export function directoryError(dir: string, error: NodeJS.ErrnoException): ServerStartError {
  switch (error.code) {
    case "ENOSPC":
    case "EDQUOT":
      return new ServerStartError(
        "disk",
        `the disk of ${dir} is full: free some space (df -h ${dir}), or choose another directory with --data-dir`,
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new ServerStartError(
        "directory",
        `${dir} is not writable (${error.code}): give it to this user (chown -R "$USER" ${dir}), or choose another directory with --data-dir`,
      );
    case "ENOTDIR":
    case "EEXIST":
      return new ServerStartError(
        "directory",
        `${dir} or a folder above it is a file (${error.code}): move it away, or choose another directory with --data-dir`,
      );
    default:
      return new ServerStartError("directory", `cannot use ${dir}: ${error.message}`);
  }
}

function diskBytes(dir: string): number {
  const { blocks, bsize } = statfsSync(dir);
  return blocks * bsize;
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / 1024 / 1024)} MiB`;
}

/** The port itself, or a free one for 0. @throws ServerStartError when it is taken. */
export function claimPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new ServerStartError(
          "port",
          error.code === "EADDRINUSE"
            ? `port ${port} on ${host} is in use: stop what listens there (ss -ltnp 'sport = :${port}'), or choose another port`
            : `cannot listen on ${host}:${port}: ${error.message}`,
        ),
      );
    });
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address();
      const claimed = typeof address === "object" && address ? address.port : port;
      probe.close(() => resolve(claimed));
    });
  });
}
