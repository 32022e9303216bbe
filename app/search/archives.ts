/** Looks for needles in archives: in their bytes, in the message blocks that the server packed, and in what is sealed in them. */
import { aesSealer, type Sealer } from "../../runtime/log/sealer.ts";
import { deriveWorkspaceKeys } from "../../runtime/log/workspace-key.ts";
import { findKey } from "../backup/restore-keys.ts";
import { openRows } from "../backup/rows.ts";
import { archiveGroups, verifyArchive } from "../backup/verify.ts";
import { decodeS2 } from "../formats/s2.ts";
import type { Found, Looked } from "./files.ts";
import { Finder, type Needle } from "./needles.ts";

export interface ArchiveSearch {
  readonly file: string;
  readonly found: readonly Found[];
  readonly looked: readonly Looked[];
  /** What is sealed with a workspace key that was not to be had: it says nothing to anybody without that key. */
  readonly sealed: readonly string[];
}

/**
 * @param dataDir of a desk whose workspace key may be that of the archive
 * @throws ArchiveError when it is none, or is damaged
 */
export async function searchArchive(
  file: string,
  needles: readonly Needle[],
  dataDir: string,
  signal?: AbortSignal,
): Promise<ArchiveSearch> {
  const manifest = await verifyArchive(file, { signal });
  const key = await findKey(file, manifest, { dataDir });
  const sealer: Sealer | undefined =
    key && aesSealer(deriveWorkspaceKeys(key.key, manifest.workspace).archive);
  const found: Found[] = [];
  const looked: Looked[] = [];
  const sealed: string[] = [];
  for await (const { folder, parts } of archiveGroups(file, { signal })) {
    const raw = new Finder(needles);
    const inside = new Finder(needles);
    let bytes = 0;
    let files = 0;
    const contents = (async function* () {
      for await (const { content } of parts) {
        raw.push(content);
        bytes += content.length;
        files++;
        yield content;
      }
    })();
    if (folder.startsWith("streams/")) for await (const piece of decodeS2(contents)) inside.push(piece);
    else if (folder.startsWith("stores/") && sealer) {
      let part = 0;
      const place = { archive: manifest.id, store: folder.slice("stores/".length) };
      for await (const content of contents) {
        for (const [name, value] of await openRows(content, sealer, { ...place, part: part++ })) {
          inside.push(Buffer.from(name));
          inside.cut();
          inside.push(value);
          // Rows of one file follow each other.
          if (place.store !== "imports") inside.cut();
        }
      }
    } else {
      if (folder.startsWith("stores/")) sealed.push(folder);
      for await (const _ of contents);
    }
    const better = inside.total > raw.total ? inside : raw;
    const store = `archive: ${folder}`;
    looked.push({ store, files, bytes, found: better.total });
    if (better.total > 0) found.push({ store, path: file, count: better.total, forms: better.counts });
  }
  return { file, found, looked, sealed };
}
