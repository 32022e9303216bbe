/** Makes an archive of a desk that goes on working meanwhile. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Bus } from "../../runtime/bus/bus.ts";
import { type Subjects, subjectsOf } from "../../runtime/bus/index.ts";
import { newId } from "../../runtime/ids.ts";
import type { Sealer } from "../../runtime/log/sealer.ts";
import { streamState } from "../../runtime/log/stream.ts";
import { snapshotStream } from "../../runtime/log/stream-snapshot.ts";
import { WORKSPACE_KEY_FILE } from "../../runtime/log/workspace-key.ts";
import type { Row } from "../../runtime/rows.ts";
import { ArchiveWriter, partName } from "./archive.ts";
import { keysStreamOf, streamsOf } from "./content.ts";
import { FAILED, FORMAT, KEY_ENTRY, MANIFEST, type Manifest, sealManifest } from "./manifest.ts";
import { sealRows } from "./rows.ts";

/** A store beside the streams. */
export interface StoreSource {
  /** Its folder in the data directory. */
  readonly name: string;
  rows(): AsyncIterable<Row>;
}

export interface BackupSource {
  readonly workspace: string;
  /** Holds `workspace.key`. */
  readonly dataDir: string;
  /** Release of the desk. */
  readonly version: string;
  /** Partitions of the log. */
  readonly partitions: number;
  readonly keys: { readonly fingerprint: string; archiveSealer(): Sealer };
  readonly stores: readonly StoreSource[];
  /** A connection for this alone: a stream that is poured out holds up what else comes over the same one. */
  connect(): Promise<Bus>;
  /** Sees to it that erasures are noted from now on, and answers how many have been. */
  erasures(): Promise<number>;
}

export interface BackupOptions {
  /** Puts the workspace key into the archive: then whoever has the archive can read everything. Default false. */
  readonly withKey?: boolean;
  /** Told what is being taken, and how it ended. */
  readonly progress?: (what: string) => void;
  readonly onEnd?: (result: Error | Manifest) => void;
}

/** How often log and bodies are taken where records keep leaving the log meanwhile. */
const ATTEMPTS = 5;

/**
 * The archive as it is made. One that could not be finished has no manifest, and says why in its last entry: whoever gets it has
 * been told 200 long ago.
 */
export function makeBackup(source: BackupSource, options: BackupOptions = {}): Readable {
  const at = new Date();
  const writer = new ArchiveWriter(at);
  void (async () => {
    let bus: Bus | undefined;
    try {
      const erasures = await source.erasures();
      bus = await source.connect();
      const manifest = await new Backup(source, options, writer, bus).write(at, erasures);
      options.onEnd?.(manifest);
    } catch (error) {
      options.onEnd?.(error as Error);
      await writer.put(FAILED, Buffer.from((error as Error).message)).catch(() => {});
    }
    writer.end();
    await bus?.close();
  })().catch((error) => writer.destroy(error));
  return writer.stream;
}

class Backup {
  readonly #source: BackupSource;
  readonly #options: BackupOptions;
  readonly #writer: ArchiveWriter;
  readonly #bus: Bus;
  readonly #names: Subjects;
  readonly #id = newId();

  constructor(source: BackupSource, options: BackupOptions, writer: ArchiveWriter, bus: Bus) {
    this.#source = source;
    this.#options = options;
    this.#writer = writer;
    this.#bus = bus;
    this.#names = subjectsOf(source.workspace);
  }

  /** In the order of `content.ts`. */
  async write(at: Date, erasures: number): Promise<Manifest> {
    const { workspace, version, partitions, keys, dataDir } = this.#source;
    const { withKey = false } = this.#options;
    const [log, bodies, ...others] = streamsOf(this.#names);
    const streams = await this.#logAndBodies(log!, bodies!);
    for (const name of others) streams.push(await this.#stream(name));
    const stores: Manifest["stores"] = [];
    for (const store of this.#source.stores) stores.push(await this.#store(store));
    streams.push(await this.#stream(keysStreamOf(this.#names)));
    if (withKey) await this.#writer.put(KEY_ENTRY, readFileSync(join(dataDir, WORKSPACE_KEY_FILE)));
    const unsealed: Omit<Manifest, "seal"> = {
      format: FORMAT,
      id: this.#id,
      bailiwick: version,
      natsServer: this.#bus.serverVersion,
      workspace,
      at: at.toISOString(),
      finishedAt: new Date().toISOString(),
      keyFingerprint: keys.fingerprint,
      withKey,
      partitions,
      erasures,
      streams: streams.filter((stream) => stream !== undefined),
      stores,
      entries: [...this.#writer.entries],
    };
    const manifest = sealManifest(unsealed, keys.archiveSealer());
    await this.#writer.put(MANIFEST, Buffer.from(JSON.stringify(manifest, null, 1)));
    return manifest;
  }

  /** A body leaves after the last record that names it: while nothing leaves the log, none is missing. */
  async #logAndBodies(log: string, bodies: string): Promise<(Manifest["streams"][number] | undefined)[]> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const taken = [await this.#stream(log, attempt), await this.#stream(bodies, attempt)];
      const { firstSeq } = await streamState(this.#bus, log);
      if (firstSeq === Number(taken[0]?.state.first_seq)) return taken;
    }
    throw new Error(`records left the log ${ATTEMPTS} times while it was taken: try again`);
  }

  async #stream(name: string, attempt = 1): Promise<Manifest["streams"][number] | undefined> {
    this.#options.progress?.(name);
    const snapshot = await snapshotStream(this.#bus, name);
    if (!snapshot) return undefined;
    const { chunks, ...head } = snapshot;
    const folder = `streams/${name}${attempt === 1 ? "" : `.${attempt}`}`;
    return { name, ...head, entries: await this.#writer.putParts(folder, chunks) };
  }

  async #store({ name, rows }: StoreSource): Promise<Manifest["stores"][number]> {
    this.#options.progress?.(name);
    const entries: string[] = [];
    let count = 0;
    const sealer = this.#source.keys.archiveSealer();
    for await (const part of sealRows(rows(), sealer, { archive: this.#id, store: name })) {
      const entry = partName(`stores/${name}`, entries.length + 1);
      await this.#writer.put(entry, part.bytes);
      entries.push(entry);
      count += part.rows;
    }
    return { name, rows: count, entries };
  }
}
