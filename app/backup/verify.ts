/** Whether an archive is whole, and what is in it; nothing is changed anywhere. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extract } from "tar-stream";
import { subjectsOf } from "../../runtime/bus/index.ts";
import { decodeS2, S2Error } from "../formats/s2.ts";
import { type ArchiveEntry, ArchiveError, archiveEntries, sha256 } from "./archive.ts";
import { neededStreams } from "./content.ts";
import { FAILED, FORMAT, MANIFEST, type Manifest, type ManifestEntry, manifestSchema } from "./manifest.ts";

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Told how many bytes of the file have been read. */
  readonly progress?: (done: number, all: number) => void;
}

/** Entries whose names differ in their last part only: the parts of one thing. */
export interface EntryGroup {
  /** `streams/BW_main_LOG`, `stores/backoffice`; the name itself where it has no parts. */
  readonly folder: string;
  /** To be read before the next group. */
  readonly parts: AsyncIterable<ArchiveEntry>;
}

/** Groups of a file. @throws UsageError, ArchiveError naming the file; what `signal` was aborted with */
export async function* archiveGroups(file: string, options: ReadOptions = {}): AsyncGenerator<EntryGroup> {
  try {
    yield* groupsOf(archiveEntries(bytesOf(file, options)));
  } catch (error) {
    throw explained(file, error);
  }
}

async function* bytesOf(file: string, { signal, progress }: ReadOptions): AsyncGenerator<Uint8Array> {
  const { size } = await stat(file);
  let done = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    signal?.throwIfAborted();
    yield chunk as Buffer;
    done += (chunk as Buffer).length;
    progress?.(done, size);
  }
}

async function* groupsOf(entries: AsyncGenerator<ArchiveEntry>): AsyncGenerator<EntryGroup> {
  let next = await entries.next();
  try {
    while (!next.done) {
      const folder = folderOf(next.value.name);
      const isOfGroup = (): boolean => !next.done && folderOf(next.value.name) === folder;
      const parts = (async function* () {
        while (isOfGroup()) {
          yield next.value as ArchiveEntry;
          next = await entries.next();
        }
      })();
      yield { folder, parts };
      // What nobody wanted to read.
      while (isOfGroup()) next = await entries.next();
    }
  } finally {
    await entries.return(undefined);
  }
}

export function folderOf(name: string): string {
  const end = name.lastIndexOf("/");
  return end < 0 ? name : name.slice(0, end);
}

/** Reads the whole archive. @throws ArchiveError, UsageError */
export async function verifyArchive(file: string, options: ReadOptions = {}): Promise<Manifest> {
  const seen: ManifestEntry[] = [];
  let last: ArchiveEntry | undefined;
  try {
    for await (const { folder, parts } of archiveGroups(file, options)) {
      const noted = (async function* () {
        for await (const entry of parts) {
          const { name, content } = entry;
          seen.push({ name, bytes: content.length, sha256: sha256(content) });
          last = entry;
          yield content;
        }
      })();
      if (folder.startsWith("streams/")) await inspectSnapshot(folder, noted);
      else for await (const _ of noted);
    }
    return manifestOf(last, seen);
  } catch (error) {
    throw explained(file, error);
  }
}

/** The server says EOF also where it could not go on; what it packed says whether it did. */
async function inspectSnapshot(folder: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const tar = extract();
  const names = new Set<string>();
  const reading = (async () => {
    for await (const entry of tar) {
      names.add(entry.header.name);
      for await (const part of entry)
        if (entry.header.name === "errors.txt")
          throw new ArchiveError(`the server could not read all of ${folder}: ${part.toString("utf8")}`);
    }
  })();
  // Heard of below; until then it is nobody's.
  reading.catch(() => {});
  try {
    for await (const part of decodeS2(parts))
      if (!tar.write(part)) await Promise.race([once(tar, "drain"), reading]);
    tar.end();
    await reading;
  } catch (error) {
    tar.destroy();
    // The rest has to be read all the same: its digests say where the damage is.
    for await (const _ of parts);
    if (error instanceof ArchiveError) throw error;
    const what =
      error instanceof S2Error ? error.message : `its content is damaged (${(error as Error).message})`;
    throw new ArchiveError(`${folder} is no snapshot of a stream: ${what}`, { cause: error });
  }
  if (!names.has("meta.inf"))
    throw new ArchiveError(`${folder} is no snapshot of a stream: it does not say of which`);
}

function once(tar: ReturnType<typeof extract>, event: string): Promise<void> {
  return new Promise((resolve) => tar.once(event, () => resolve()));
}

/** @throws ArchiveError when the archive is not what its manifest says */
function manifestOf(last: ArchiveEntry | undefined, seen: readonly ManifestEntry[]): Manifest {
  if (last?.name === FAILED)
    throw new ArchiveError(`it was not finished when it was made: ${last.content.toString("utf8")}`);
  if (last?.name !== MANIFEST)
    throw new ArchiveError("it is cut off, or no archive of a desk: its last entry is no manifest");
  let value: unknown;
  try {
    value = JSON.parse(last.content.toString("utf8"));
  } catch (error) {
    throw new ArchiveError(`its manifest is damaged (${(error as Error).message})`);
  }
  const { format, bailiwick } = (value ?? {}) as { format?: unknown; bailiwick?: unknown };
  if (typeof format === "number" && format !== FORMAT) {
    throw new ArchiveError(
      `it is of format ${format} (written by release ${String(bailiwick)}), and this release reads ${FORMAT}: use the release that wrote it`,
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new ArchiveError(`its manifest is damaged (${path.join(".")}: ${message})`);
  }
  const manifest = parsed.data;
  const entries = seen.slice(0, -1);
  for (const [n, { name, bytes, sha256: digest }] of manifest.entries.entries()) {
    const found = entries[n];
    if (found?.name !== name) throw new ArchiveError(`its entry ${name} is missing`);
    if (found.bytes !== bytes || found.sha256 !== digest)
      throw new ArchiveError(`its entry ${name} is damaged: it has not the checksum that the manifest says`);
  }
  if (entries.length > manifest.entries.length)
    throw new ArchiveError(
      `it has an entry that the manifest does not know: ${entries[manifest.entries.length]!.name}`,
    );
  const known = new Set(manifest.entries.map(({ name }) => name));
  for (const { name, entries: parts } of [...manifest.streams, ...manifest.stores]) {
    const missing = parts.find((part) => !known.has(part));
    if (missing !== undefined) throw new ArchiveError(`the part ${missing} of ${name} is missing`);
  }
  for (const name of neededStreams(subjectsOf(manifest.workspace)))
    if (!manifest.streams.some((stream) => stream.name === name))
      throw new ArchiveError(`${name} is not in it`);
  return manifest;
}

/** Errors of an archive name it. */
function explained(file: string, error: unknown): unknown {
  if (error instanceof ArchiveError) {
    return error.message.startsWith(file)
      ? error
      : new ArchiveError(`${file}: ${error.message}`, { cause: error });
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new ArchiveError(`${file}: there is no such file`);
  if (code === "EISDIR") return new ArchiveError(`${file} is a folder, no archive`);
  if (code === "EACCES") return new ArchiveError(`${file} cannot be read by this user`);
  return error;
}
