/** The workspace key: 32 random bytes in `<data-dir>/workspace.key`, the root of everything that is sealed. */
import { createHmac, hkdfSync, randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

export const WORKSPACE_KEY_FILE = "workspace.key";

export class WorkspaceKeyError extends Error {
  override readonly name = "WorkspaceKeyError";
}

/** Keys that follow from the workspace key, one for each use, so that no two uses share a key. */
export interface WorkspaceKeys {
  /** Wraps data keys. */
  readonly wrap: Buffer;
  /** Keyed hashes of identifiers. */
  readonly lookup: Buffer;
  /** Seals what archives hold besides streams, and says that nobody has changed an archive. */
  readonly archive: Buffer;
  /** Tells whether stored data belongs to this key, without giving it away. */
  readonly fingerprint: string;
}

/** Reads the key; undefined when there is no file. @throws WorkspaceKeyError when it is damaged. */
export function readWorkspaceKey(dataDir: string): Buffer | undefined {
  const file = join(dataDir, WORKSPACE_KEY_FILE);
  const key = readKeyFile(file);
  // Copied from elsewhere it may have become readable for others.
  if (key && (statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  return key;
}

/** The same from any file, which stays as it is. */
export function readKeyFile(file: string): Buffer | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new WorkspaceKeyError(`${file} cannot be read: ${(error as Error).message}`);
  }
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new WorkspaceKeyError(
      `${file} is damaged (64 hexadecimal digits expected): restore it from a backup`,
    );
  }
  return Buffer.from(text, "hex");
}

/** Makes the key unless somebody else just did, and answers the one that is there. @param key random unless given */
export function createWorkspaceKey(dataDir: string, key: Uint8Array = randomBytes(32)): Buffer {
  const file = join(dataDir, WORKSPACE_KEY_FILE);
  const half = `${file}.${process.pid}.new`;
  rmSync(half, { force: true });
  const handle = openSync(half, "wx", 0o600);
  try {
    writeSync(handle, `${Buffer.from(key).toString("hex")}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  try {
    // Exclusive like O_EXCL, and never seen half written.
    linkSync(half, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(half, { force: true });
  }
  return readWorkspaceKey(dataDir)!;
}

export function deriveWorkspaceKeys(key: Buffer, workspace: string): WorkspaceKeys {
  const derive = (use: string) => Buffer.from(hkdfSync("sha256", key, workspace, `bailiwick/${use}`, 32));
  return {
    wrap: derive("wrap"),
    lookup: derive("lookup"),
    archive: derive("archive"),
    fingerprint: createHmac("sha256", derive("fingerprint")).update("1").digest("hex"),
  };
}

/** The key under which a subject's data key wraps others. */
export function deriveWrapKey(dataKey: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", dataKey, "", "bailiwick/wrap", 32));
}
