/** An archive as a tar file: entries that fit into memory, one after the other, the manifest last. */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { type Extract, extract, type Pack, pack } from "tar-stream";
import type { ManifestEntry } from "./manifest.ts";

/** Bytes of one part of something larger. */
export const PART_BYTES = 4 * 1024 * 1024;
/** More than any entry has that was written here. */
const MAX_ENTRY_BYTES = 64 * 1024 * 1024;

/** What is wrong with an archive. Its message says what; who reports it says of which file. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  /** The file that was given is no input to go on with. */
  readonly exitCode = 2;
}

export class ArchiveWriter {
  readonly #pack: Pack = pack();
  readonly #entries: ManifestEntry[] = [];
  readonly #at: Date;

  constructor(at: Date) {
    this.#at = at;
  }

  /** The archive; it comes as fast as it is taken away. */
  get stream(): Readable {
    return this.#pack;
  }

  /** All entries so far. */
  get entries(): readonly ManifestEntry[] {
    return this.#entries;
  }

  get bytes(): number {
    return this.#entries.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Resolves when there is room for more. @throws when nobody takes the archive any more */
  async put(name: string, content: Uint8Array): Promise<void> {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    this.#entries.push({ name, bytes: bytes.length, sha256: sha256(bytes) });
    await new Promise<void>((resolve, reject) => {
      const header = { name, size: bytes.length, mode: 0o600, mtime: this.#at };
      this.#pack.entry(header, bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Puts chunks of any size as parts `<name>/000001` …; answers the names of the parts. */
  async putParts(name: string, chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
    const names: string[] = [];
    let waiting: Uint8Array[] = [];
    let bytes = 0;
    const write = async (): Promise<void> => {
      const part = partName(name, names.length + 1);
      names.push(part);
      const content = Buffer.concat(waiting);
      waiting = [];
      bytes = 0;
      await this.put(part, content);
    };
    for await (const chunk of chunks) {
      waiting.push(chunk);
      bytes += chunk.length;
      if (bytes >= PART_BYTES) await write();
    }
    if (bytes > 0) await write();
    return names;
  }

  end(): void {
    this.#pack.finalize();
  }

  /** Nobody gets any more of it. */
  destroy(error: Error): void {
    this.#pack.destroy(error);
  }
}

export function partName(name: string, number: number): string {
  return `${name}/${String(number).padStart(6, "0")}`;
}

export interface ArchiveEntry {
  readonly name: string;
  readonly content: Buffer;
}

/** Entries of an archive in order. @throws ArchiveError when it is no tar file or is cut off, what reading it throws */
export async function* archiveEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const tar = extract();
  let trouble: unknown;
  const feeding = feed(source, tar).catch((error) => {
    trouble = error;
    tar.destroy(error as Error);
  });
  try {
    for await (const entry of tar) {
      const { name, size = 0 } = entry.header;
      if (size > MAX_ENTRY_BYTES)
        throw new ArchiveError(`its entry ${name} has ${size} bytes: no backup has such`);
      const parts: Buffer[] = [];
      for await (const part of entry) parts.push(part);
      yield { name, content: Buffer.concat(parts) };
    }
  } catch (error) {
    if (trouble !== undefined && trouble === error) throw error;
    if (error instanceof ArchiveError) throw error;
    throw new ArchiveError(`it is damaged, cut off, or no archive at all (${(error as Error).message})`, {
      cause: error,
    });
  } finally {
    tar.destroy();
    await feeding;
  }
}

/** Not `pipe`, which leaves the source open where the reader has enough. */
async function feed(source: AsyncIterable<Uint8Array>, tar: Extract): Promise<void> {
  for await (const chunk of source) {
    if (tar.destroyed) return;
    if (!tar.write(chunk)) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          tar.off("drain", done);
          tar.off("close", done);
          resolve();
        };
        tar.on("drain", done);
        tar.on("close", done);
      });
    }
  }
  if (!tar.destroyed) tar.end();
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
