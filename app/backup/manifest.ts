/** The last entry of an archive, which says what the archive is, and what all other entries are. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson, type Json, type JsonObject } from "../../runtime/json.ts";
import type { Sealer } from "../../runtime/log/sealer.ts";

/** Raised when an archive is written so that an earlier release can't restore it. */
export const FORMAT = 1;
export const MANIFEST = "manifest.json";
/** What an archive ends with in place of a manifest when it could not be finished: why. */
export const FAILED = "failed.txt";
/** The workspace key, where it was asked for. */
export const KEY_ENTRY = "workspace.key";

const count = z.number().int().min(0);
const server = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>;

const streamSchema = z.object({
  name: z.string().min(1),
  /** In the server's words. */
  config: server,
  state: server,
  /** When it was made; tells a log from another of the same name. */
  created: z.string(),
  /** Its parts among the entries, in order. */
  entries: z.array(z.string()),
});

const storeSchema = z.object({
  /** `backoffice`, `imports`: a folder of the data directory. */
  name: z.string().regex(/^[a-z]+$/),
  rows: count,
  entries: z.array(z.string()),
});

export const manifestSchema = z.object({
  format: z.literal(FORMAT),
  /** Of this archive alone. */
  id: z.string().min(1),
  /** Release that wrote it. */
  bailiwick: z.string(),
  natsServer: z.string(),
  workspace: z.string().min(1),
  /** When it was begun, ISO 8601; what came later may be in it or not. */
  at: z.string(),
  finishedAt: z.string(),
  /** Of the workspace key that everything was sealed with. */
  keyFingerprint: z.string().min(1),
  /** Whether that key is in the archive. */
  withKey: z.boolean(),
  /** Of the log; it can't be changed. */
  partitions: z.number().int().min(1),
  /** Erasures that were known when it was finished: a list that knows fewer is not the whole list. */
  erasures: count,
  streams: z.array(streamSchema).min(1),
  stores: z.array(storeSchema),
  /** All entries before this one, in order. */
  entries: z.array(z.object({ name: z.string(), bytes: count, sha256: z.string().length(64) })),
  /** The digest of all the rest, sealed: only who has the workspace key can have written it. */
  seal: z.string(),
});
export type Manifest = z.output<typeof manifestSchema>;
export type ManifestEntry = Manifest["entries"][number];

const PLACE = "manifest of an archive";

function digestOf({ seal: _, ...rest }: Omit<Manifest, "seal"> & { seal?: string }): Buffer {
  return createHash("sha256")
    .update(canonicalJson(rest as unknown as Json))
    .digest();
}

export function sealManifest(manifest: Omit<Manifest, "seal">, sealer: Sealer): Manifest {
  return { ...manifest, seal: sealer.seal(digestOf(manifest), PLACE).toString("base64") };
}

/** Whether nobody has changed the manifest, and so the archive, since it was written. @throws never */
export function isAuthentic(manifest: Manifest, sealer: Sealer): boolean {
  try {
    return sealer.open(Buffer.from(manifest.seal, "base64"), PLACE).equals(digestOf(manifest));
  } catch {
    return false;
  }
}
