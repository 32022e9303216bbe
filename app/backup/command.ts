/** What `backup`, `restore` and `verify` do. */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { WORKSPACE_KEY_FILE } from "../../runtime/log/workspace-key.ts";
import type { Manifest } from "./manifest.ts";
import { findKey } from "./restore-keys.ts";
import { BACKUP_PATH } from "./routes.ts";
import { mustBeFree, takeArchive } from "./take.ts";
import { verifyArchive } from "./verify.ts";

/** The part of a manifest that a person wants to see. */
function summary(manifest: Manifest) {
  const { id, bailiwick, natsServer, workspace, at, finishedAt, withKey, erasures, keyFingerprint } =
    manifest;
  const bytes = new Map(manifest.entries.map((entry) => [entry.name, entry.bytes]));
  const sizeOf = (entries: readonly string[]): number =>
    entries.reduce((sum, name) => sum + bytes.get(name)!, 0);
  return {
    id,
    workspace,
    at,
    finishedAt,
    bailiwick,
    natsServer,
    withKey,
    keyFingerprint,
    erasures,
    streams: manifest.streams.map(({ name, state, entries }) => ({
      name,
      messages: Number(state.messages),
      firstSeq: Number(state.first_seq),
      lastSeq: Number(state.last_seq),
      bytes: sizeOf(entries),
    })),
    stores: manifest.stores.map(({ name, rows, entries }) => ({ name, rows, bytes: sizeOf(entries) })),
  };
}

const mib = (bytes: number): string =>
  bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

function contentOf(manifest: Manifest): string[] {
  const { streams, stores } = summary(manifest);
  return [
    ...streams.map(
      (s) => `  ${s.name.padEnd(24)} ${String(s.messages).padStart(9)} messages  ${mib(s.bytes)}`,
    ),
    ...stores.map((s) => `  ${s.name.padEnd(24)} ${String(s.rows).padStart(9)} rows      ${mib(s.bytes)}`),
  ];
}

export async function runBackup(
  env: CliEnv,
  file: string,
  { withKey = false, force = false }: { withKey?: boolean; force?: boolean },
): Promise<void> {
  // Before a desk is kept busy for nothing.
  mustBeFree(file, force);
  const signal = env.signal();
  const progress = env.progress("backup:");
  const begun = performance.now();
  try {
    const content = await env.client().download(BACKUP_PATH, { withKey }, { signal });
    const update = (what: string, done?: number, all?: number): void => progress.update(what, done, all);
    const manifest = await takeArchive(file, content, { force, signal, progress: update });
    progress.end();
    const { size } = statSync(file);
    const ms = Math.round(performance.now() - begun);
    env.out({ file: resolve(file), bytes: size, ms, ...summary(manifest) }, () =>
      [
        `${env.colors.green(file)}: ${mib(size)}, made in ${(ms / 1000).toFixed(1)} s and checked`,
        ...contentOf(manifest),
        withKey
          ? `It holds the workspace key: ${env.colors.bold("whoever has this file can read everything in it.")}`
          : `It can be restored only with the workspace key, which is not in it: keep a copy of ${join(env.dataDir(), WORKSPACE_KEY_FILE)} apart from it.`,
      ].join("\n"),
    );
  } catch (error) {
    throw signal.aborted ? interrupted("no archive was written") : error;
  } finally {
    progress.end();
  }
}

export async function runVerify(env: CliEnv, file: string, options: { key?: string }): Promise<void> {
  const progress = env.progress("verify:");
  try {
    const manifest = await verifyArchive(file, {
      signal: env.signal(),
      progress: (done, all) => progress.update("reading", done, all),
    });
    const key = await findKey(file, manifest, { file: options.key, dataDir: env.dataDir() });
    progress.end();
    const whole = { file: resolve(file), whole: true, authentic: key ? true : null };
    env.out({ ...whole, ...summary(manifest) }, () =>
      [
        `${env.colors.green(file)} is whole: workspace ${manifest.workspace}, ${manifest.at}, release ${manifest.bailiwick}`,
        ...contentOf(manifest),
        key
          ? `Nobody has changed it (checked with the key of ${key.from}).`
          : "Whether somebody has changed it can be told with the workspace key: --key FILE.",
        ...(manifest.withKey
          ? ["It holds the workspace key: whoever has this file can read everything in it."]
          : []),
      ].join("\n"),
    );
  } finally {
    progress.end();
  }
}

export async function runRestore(
  env: CliEnv,
  file: string,
  options: { into?: string; key?: string; eraseList?: string; withoutEraseList?: boolean },
): Promise<void> {
  // What is made is its owner's alone, as when a desk makes it.
  process.umask(0o077);
  const { restore } = await import("./restore.ts");
  const { into, ...rest } = options;
  const signal = env.signal();
  const progress = env.progress("restore:");
  try {
    const report = await restore({
      file,
      config: env.config(),
      ...(into === undefined ? {} : { into: resolve(into) }),
      ...rest,
      signal,
      progress: (what, done, all) => progress.update(what, done, all),
    });
    progress.end();
    const { manifest, erased, eraseLists, records, ms } = report;
    const { streams, stores, id, at } = summary(manifest);
    const told = { into: report.into, nats: report.nats ?? null, key: report.key, id, at, streams, stores };
    env.out({ ...told, erased, eraseLists, records, ms }, () =>
      [
        `${env.colors.green(report.into)} is as it was at ${at} (${(ms / 1000).toFixed(1)} s)`,
        ...contentOf(manifest),
        eraseLists.length === 0
          ? env.colors.yellow("no list of erasures was applied: whoever was erased since is back")
          : `${erased} customers were erased again (${eraseLists.join(", ")})`,
        `${records.looked} records of the log were looked at: ${records.opened} opened, ${records.erased} of who was erased, ${records.malformed} that were never any`,
        ...(report.nats ? [`The streams are at ${report.nats}.`] : []),
        `Start it: bin/bailiwick up --data-dir ${report.into}`,
      ].join("\n"),
    );
  } catch (error) {
    throw signal.aborted ? interrupted("nothing was restored, and nothing is left behind") : error;
  } finally {
    progress.end();
  }
}

function interrupted(what: string): Error {
  return Object.assign(new UsageError(`interrupted: ${what}`), { exitCode: 130 });
}
