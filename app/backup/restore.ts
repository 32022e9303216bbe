/**
 * Makes a data directory of an archive, and the streams of a server: of the embedded one in that directory, or of the one at
 * `nats.url`. The archive is read as a whole before anything is made, and what is made is removed again when it can't be finished.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../../runtime/bus/bus.ts";
import { connectBus, EmbeddedServer, requireJetStream } from "../../runtime/bus/index.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import type { Config } from "../../runtime/config/schema.ts";
import { openKeyRing } from "../../runtime/log/keyring.ts";
import { JetStreamError, STREAM_EXISTS } from "../../runtime/log/stream.ts";
import { deleteStream, hasStream, restoreStream } from "../../runtime/log/stream-snapshot.ts";
import { createWorkspaceKey } from "../../runtime/log/workspace-key.ts";
import type { Row } from "../../runtime/rows.ts";
import { ArchiveError, sha256 } from "./archive.ts";
import type { Manifest } from "./manifest.ts";
import { checkRecords, checkState, type RecordsLookedAt } from "./restore-check.ts";
import { mustBeEmpty, PartialDir } from "./restore-dir.ts";
import { eraseAgain, type FoundErasures, findErasures, type ListPlaces, listOf } from "./restore-erasures.ts";
import { type FoundKey, findKey, keyMissing } from "./restore-keys.ts";
import { openRows, writeDatabase, writeFiles } from "./rows.ts";
import { archiveGroups, type EntryGroup, verifyArchive } from "./verify.ts";

export interface RestoreOptions {
  readonly file: string;
  readonly config: Config;
  /** Directory to make; that of the configuration unless given. */
  readonly into?: string;
  /** File of the workspace key. */
  readonly key?: string;
  readonly eraseList?: string;
  readonly withoutEraseList?: boolean;
  /** Gives it up; nothing is left behind then. */
  readonly signal?: AbortSignal;
  readonly progress?: (what: string, done?: number, all?: number) => void;
}

export interface RestoreReport {
  readonly into: string;
  /** Server that has the streams, where it is not the embedded one. */
  readonly nats?: string;
  readonly manifest: Manifest;
  /** Where the workspace key was found. */
  readonly key: string;
  /** Customers who were erased after the archive was made. */
  readonly erased: number;
  readonly eraseLists: readonly string[];
  readonly records: RecordsLookedAt;
  readonly ms: number;
}

/** @throws UsageError, ArchiveError, EraseListError, WorkspaceKeyError, ServerStartError, BusError, JetStreamError */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const begun = performance.now();
  const { file, config, signal, progress } = options;
  const into = options.into ?? config.dataDir;
  mustBeEmpty(into);
  const manifest = await verifyArchive(file, {
    signal,
    progress: (done, all) => progress?.("checking the archive", done, all),
  });
  fits(file, manifest, config);
  const key = await findKey(file, manifest, { file: options.key, dataDir: config.dataDir });
  if (!key) throw keyMissing(file, manifest);
  const lists: ListPlaces = {
    given: options.eraseList,
    without: options.withoutEraseList,
    configured: config.backup.eraseList,
    dataDir: config.dataDir,
    into,
  };
  const found = findErasures(manifest, lists);
  signal?.throwIfAborted();
  const dir = PartialDir.take(into);
  const made: string[] = [];
  try {
    createWorkspaceKey(dir.path, key.key);
    const server = await openServer(dir.path, config);
    let report: { erased: number; records: RecordsLookedAt };
    try {
      await mustHaveNone(server.bus, manifest, config);
      await fill(options, manifest, key, dir.path, server.bus, made);
      report = await settle(manifest, found, dir.path, server.bus, config);
      signal?.throwIfAborted();
      // From here on it is what was wanted.
      if (found.erasures.length > 0 || !lists.without)
        listOf(lists, manifest.workspace).adopt(found.erasures);
    } catch (error) {
      if (config.nats.url) for (const name of made) await deleteStream(server.bus, name).catch(() => {});
      throw error;
    } finally {
      await server.close();
    }
    tidy(dir.path);
    dir.commit();
    const ms = Math.round(performance.now() - begun);
    const nats = config.nats.url === undefined ? {} : { nats: config.nats.url.replace(/[^/\s]*@/g, "") };
    return { into, ...nats, manifest, key: key.from, eraseLists: found.files, ...report, ms };
  } catch (error) {
    dir.discard();
    throw error;
  }
}

/** @throws UsageError when the configuration is of another workspace or another log */
function fits(file: string, { workspace, partitions }: Manifest, config: Config): void {
  if (workspace !== config.workspace) {
    throw new UsageError(
      `${file} is of workspace ${workspace}, and this is ${config.workspace}: say --workspace ${workspace}`,
    );
  }
  if (partitions !== config.log.partitions) {
    throw new UsageError(
      `the log in ${file} has ${partitions} partitions, which decide where everything lies, and log.partitions is ${config.log.partitions}: set it to ${partitions}`,
    );
  }
}

interface Server {
  readonly bus: Bus;
  close(): Promise<void>;
}

async function openServer(dir: string, { nats }: Config): Promise<Server> {
  const { url, user, password: pass, token, startTimeoutMs } = nats;
  if (url) {
    const bus = await connectBus({
      url,
      user,
      pass,
      token,
      name: "bailiwick-restore",
      timeoutMs: startTimeoutMs,
    });
    await requireJetStream(bus, startTimeoutMs);
    return { bus, close: () => bus.close() };
  }
  const server = await EmbeddedServer.start({
    binary: findNatsServer(nats.server),
    dir: join(dir, "nats"),
    name: "bailiwick-restore",
    startTimeoutMs: Math.max(startTimeoutMs, 60_000),
    // What was acknowledged there has room there.
    jetstream: { maxFile: nats.maxStoreBytes },
    stopTimeoutMs: 60_000,
  });
  try {
    const bus = await connectBus({ ...server, name: "bailiwick-restore", timeoutMs: startTimeoutMs });
    const close = async (): Promise<void> => {
      await bus.close();
      await server.stop();
    };
    return { bus, close };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** @throws UsageError when the server has a workspace of this name already */
async function mustHaveNone(bus: Bus, { streams, workspace }: Manifest, { nats }: Config): Promise<void> {
  for (const { name } of streams) {
    if (!(await hasStream(bus, name))) continue;
    throw new UsageError(
      `the server at nats.url has workspace ${workspace} already (its stream ${name}), and a restore overwrites nothing: stop all nodes and delete its streams there (nats stream rm), or restore without nats.url into a desk of its own (${nats.url?.replace(/[^/\s]*@/g, "")})`,
    );
  }
}

/** Takes the archive apart, in its order. */
async function fill(
  { file, config, signal, progress }: RestoreOptions,
  manifest: Manifest,
  key: FoundKey,
  dir: string,
  bus: Bus,
  made: string[],
): Promise<void> {
  const streams = new Map(
    manifest.streams.flatMap((stream) => firstOf(stream).map((name) => [name, stream])),
  );
  const stores = new Map(manifest.stores.flatMap((store) => firstOf(store).map((name) => [name, store])));
  const digests = new Map(manifest.entries.map(({ name, sha256: digest }) => [name, digest]));
  const reading = { signal, progress: (done: number, all: number) => progress?.("restoring", done, all) };
  for await (const { folder, parts } of archiveGroups(file, reading)) {
    const contents = checked(parts, digests, signal);
    const first = `${folder}/000001`;
    const stream = streams.get(first);
    const store = stores.get(first);
    if (stream) {
      const { name } = stream;
      const head = { config: { ...stream.config, num_replicas: config.log.replicas }, state: stream.state };
      made.push(name);
      const state = await restoreStream(bus, head, contents).catch((error) => {
        // Somebody else has made it a moment ago; it is not ours to remove.
        if (error instanceof JetStreamError && error.errCode === STREAM_EXISTS) made.pop();
        throw error;
      });
      checkState(stream, state);
    } else if (store) {
      const rows = opened(contents, key, { archive: manifest.id, store: store.name });
      const to = join(dir, store.name);
      await (store.name === "imports" ? writeFiles(to, rows) : writeDatabase(to, rows));
    }
  }
}

function firstOf({ entries }: { readonly entries: readonly string[] }): string[] {
  return entries.slice(0, 1);
}

/** The file may have been written to since it was verified. */
async function* checked(
  parts: EntryGroup["parts"],
  digests: ReadonlyMap<string, string>,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  for await (const { name, content } of parts) {
    signal?.throwIfAborted();
    if (digests.get(name) !== sha256(content))
      throw new ArchiveError(`its entry ${name} has changed meanwhile`);
    yield content;
  }
}

async function* opened(
  contents: AsyncIterable<Buffer>,
  { sealer }: FoundKey,
  place: { archive: string; store: string },
): AsyncGenerator<readonly Row[]> {
  let part = 0;
  for await (const content of contents) yield await openRows(content, sealer, { ...place, part: part++ });
}

/** Erases who has been erased since, and looks whether the rest can be read. */
async function settle(
  { workspace }: Manifest,
  found: FoundErasures,
  dataDir: string,
  bus: Bus,
  { log }: Config,
): Promise<{ erased: number; records: RecordsLookedAt }> {
  const keys = await openKeyRing({ bus, workspace, dataDir, replicas: log.replicas });
  try {
    const erased = await eraseAgain(found, keys, bus, workspace);
    return { erased, records: await checkRecords(bus, workspace, keys) };
  } finally {
    keys.close();
  }
}

/** What the server of the restore has left besides its streams. */
function tidy(dir: string): void {
  for (const name of ["nats-server.conf", "nats-server.pid", "nats-server.log", "owner.json"])
    rmSync(join(dir, "nats", name), { force: true });
}
