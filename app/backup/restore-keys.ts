/** The workspace key that an archive was sealed with: from a file, out of the archive, or from the desk that is configured. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../runtime/config/errors.ts";
import { aesSealer, type Sealer } from "../../runtime/log/sealer.ts";
import {
  deriveWorkspaceKeys,
  readKeyFile,
  WORKSPACE_KEY_FILE,
  WorkspaceKeyError,
} from "../../runtime/log/workspace-key.ts";
import { ArchiveError } from "./archive.ts";
import { isAuthentic, KEY_ENTRY, type Manifest } from "./manifest.ts";
import { archiveGroups } from "./verify.ts";

export interface FoundKey {
  readonly key: Buffer;
  /** Of what archives hold besides streams. */
  readonly sealer: Sealer;
  /** Where it was found. */
  readonly from: string;
}

export interface KeyPlaces {
  /** `--key`. */
  readonly file?: string;
  /** Of the desk that is configured; its key may be that of the archive. */
  readonly dataDir: string;
}

/**
 * The key of an archive; undefined when it is at none of the places.
 * @throws UsageError when the file that was named has another one, ArchiveError when the archive was changed since it was written
 */
export async function findKey(
  archive: string,
  manifest: Manifest,
  { file, dataDir }: KeyPlaces,
): Promise<FoundKey | undefined> {
  const fits = (key: Buffer): boolean =>
    deriveWorkspaceKeys(key, manifest.workspace).fingerprint === manifest.keyFingerprint;
  const found = (key: Buffer, from: string): FoundKey => {
    const sealer = aesSealer(deriveWorkspaceKeys(key, manifest.workspace).archive);
    if (!isAuthentic(manifest, sealer))
      throw new ArchiveError(
        `${archive} was changed after it was written: its manifest is not what was sealed then`,
      );
    return { key, sealer, from };
  };
  if (file !== undefined) {
    const key = readKey(file);
    if (!key) throw new UsageError(`--key ${file}: there is no such file`);
    if (fits(key)) return found(key, file);
    throw new UsageError(
      `--key ${file} is another workspace's key, not the one that ${archive} was sealed with (its fingerprint begins with ${short(manifest)})`,
    );
  }
  if (manifest.withKey) {
    const key = await keyInside(archive);
    if (!fits(key)) throw new ArchiveError(`${archive} holds a workspace key that does not fit it`);
    return found(key, archive);
  }
  const own = join(dataDir, WORKSPACE_KEY_FILE);
  const key = existsSync(own) ? readKey(own) : undefined;
  return key && fits(key) ? found(key, own) : undefined;
}

/** Says what is missing. */
export function keyMissing(archive: string, manifest: Manifest): UsageError {
  return new UsageError(
    `${archive} is sealed with a workspace key that is not in it (its fingerprint begins with ${short(manifest)}): name the file with --key FILE; it is the workspace.key of the desk's data directory, which has to be kept apart from its archives`,
  );
}

function short({ keyFingerprint }: Manifest): string {
  return keyFingerprint.slice(0, 12);
}

function readKey(file: string): Buffer | undefined {
  try {
    return readKeyFile(file);
  } catch (error) {
    if (error instanceof WorkspaceKeyError) throw new UsageError(error.message);
    throw error;
  }
}

async function keyInside(archive: string): Promise<Buffer> {
  for await (const { folder, parts } of archiveGroups(archive)) {
    if (folder !== KEY_ENTRY) continue;
    for await (const { content } of parts) {
      const text = content.toString("utf8").trim();
      if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, "hex");
    }
  }
  throw new ArchiveError(`${archive} says that it holds the workspace key, and does not`);
}
