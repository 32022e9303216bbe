/**
 * The data directory: made private, checked, and held by one node at a time.
 *
 * The hold is LevelDB's own lock of the operating system. It goes away with the process that has it, however that
 * ends, so that there is no stale lock to clean up.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fullDisk, START_FREE_BYTES } from "./disk.ts";
import { DataDirLockedError, DependencyError, UsageError } from "./errors.ts";

/** Folder of the lock in the data directory. */
const LOCK = "lock";

/** What a running node says about itself in `<data-dir>/node.json`. */
export interface NodeInfo {
  /** Process that serves the gateway. */
  readonly pid: number;
  /** Base address of the gateway, such as `http://127.0.0.1:7420`. */
  readonly url: string;
  readonly name?: string;
  /** The one that it serves. */
  readonly workspace?: string;
  readonly startedAt?: string;
}

export interface DataDir {
  readonly path: string;
  /** Made with the directory, and its own for ever. */
  readonly id: string;
  readonly adminTokenFile: string;
  /** Publishes where the node listens, for commands of the same data directory. */
  announce(info: NodeInfo): void;
  /** Takes the announcement back and lets go of the directory. */
  release(): Promise<void>;
}

/** Thrown for trouble with the directory that a person has to mend; a full disk and such. */
function refuse(path: string, error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    throw new DependencyError(
      `the disk of ${path} is full: free some space (df -h ${path}), or choose another with --data-dir`,
    );
  }
  if (code === "EROFS") {
    throw new UsageError(
      `the data directory ${path} is on a disk that cannot be written (mounted read-only): mount it for writing (sudo mount -o remount,rw "$(df --output=target ${path} | tail -1)"), or choose another with --data-dir`,
    );
  }
  if (code === "EACCES" || code === "EPERM" || code === "ENOENT") {
    throw new UsageError(
      `the data directory ${path} cannot be written by this user: chown it (sudo chown -R $(id -u) ${path}), or choose another with --data-dir`,
    );
  }
  if (code === "ENOTDIR" || code === "EEXIST") {
    throw new UsageError(
      `${fileInTheWay(path)} is no directory: move that file away, or choose another place with --data-dir`,
    );
  }
  throw error;
}

/** The path itself, or the first one above it that is there. */
function fileInTheWay(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : fileInTheWay(dirname(path));
}

/** Not `recursive: true`, which never comes back where a folder cannot be made for lack of its parent, as in /proc. */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolders(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/**
 * Makes the directory (0700) when it is missing, and checks that files can be written into it. One that is there keeps
 * its mode when it holds other people's things: `--data-dir /tmp` must not close /tmp.
 */
export function prepareDataDir(path: string): void {
  try {
    makeFolders(path);
    const content = readdirSync(path);
    if (statSync(path).mode & 0o077 && (content.length === 0 || content.includes(LOCK)))
      chmodSync(path, 0o700);
    // Permission bits say nothing about a full disk or a read-only mount: write a block for certain.
    const probe = join(path, `.probe-${process.pid}`);
    writeFileSync(probe, Buffer.alloc(4_096), { mode: 0o600 });
    rmSync(probe);
  } catch (error) {
    refuse(path, error);
  }
}

/**
 * Takes the data directory for this process until it ends or lets go.
 * @throws DataDirLockedError when another process has it, UsageError when it cannot be written, DependencyError when the
 * disk is full.
 */
export async function openDataDir(path: string): Promise<DataDir> {
  prepareDataDir(path);
  const full = fullDisk(path, START_FREE_BYTES);
  if (full) throw new DependencyError(full);
  const lock = await takeLock(path);
  try {
    const { ensureAdminToken } = await import("../gateway/tokens.ts");
    ensureAdminToken(adminTokenFile(path));
  } catch (error) {
    await lock.release();
    throw error;
  }
  let announced = false;
  return {
    path,
    id: ensureId(path),
    adminTokenFile: adminTokenFile(path),
    announce(info) {
      writeFileSync(nodeFile(path), `${JSON.stringify(info)}\n`, { mode: 0o600 });
      announced = true;
    },
    async release() {
      if (announced) rmSync(nodeFile(path), { force: true });
      await lock.release();
    },
  };
}

async function takeLock(path: string): Promise<{ release(): Promise<void> }> {
  const { Level } = await import("level");
  const db = new Level(join(path, LOCK));
  try {
    await db.open();
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause;
    if (cause?.code !== "LEVEL_LOCKED") throw error;
    const holder = readNodeInfo(path);
    throw new DataDirLockedError(
      `the data directory ${path} is in use by another node${holder ? ` (process ${holder.pid}, ${holder.url})` : ""}: ` +
        "stop that one first, or give this one its own with --data-dir",
    );
  }
  return { release: () => db.close() };
}

/** Whether a process holds the directory at this moment. Never makes anything. */
export async function isDataDirHeld(path: string): Promise<boolean> {
  try {
    statSync(join(path, LOCK));
  } catch {
    return false;
  }
  try {
    await (await takeLock(path)).release();
    return false;
  } catch (error) {
    if (error instanceof DataDirLockedError) return true;
    throw error;
  }
}

function ensureId(path: string): string {
  const file = join(path, "node.id");
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(6).toString("hex")}\n`, { mode: 0o600 });
  return readFileSync(file, "utf8").trim();
}

export function adminTokenFile(dataDir: string): string {
  return join(dataDir, "admin.token");
}

export function nodeFile(dataDir: string): string {
  return join(dataDir, "node.json");
}

/**
 * What the node on this directory announced; undefined when there is none, or when what is there is no announcement.
 * @throws DependencyError when the directory is another user's.
 */
export function readNodeInfo(dataDir: string): NodeInfo | undefined {
  try {
    const info = JSON.parse(readFileSync(nodeFile(dataDir), "utf8")) as Partial<NodeInfo>;
    return typeof info.pid === "number" && typeof info.url === "string" ? (info as NodeInfo) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") return undefined;
    throw new DependencyError(
      `the data directory ${dataDir} belongs to another user: run this command as the user who runs the desk`,
    );
  }
}
