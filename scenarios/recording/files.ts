/** Where recordings lie. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UsageError } from "../../runtime/config/errors.ts";
import { filesOf } from "../files.ts";

export const RECORDING = ".scenario.jsonl";
const WRITTEN = ".scenario.yaml";
/** Folder of the recordings of scenarios that were written by hand, beside them. */
const BESIDE = "recordings";

/** Files of recordings in files and folders, sorted; of a scenario that was written by hand, the one that was made of it. @throws UsageError */
export function recordingFiles(paths: readonly string[]): string[] {
  const files = [...new Set(paths.flatMap(ofPath))];
  if (files.length === 0) {
    throw new UsageError(
      `there is no *${RECORDING} in ${paths.join(", ")}: make recordings with bin/bailiwick record, or replay --mode live --record FOLDER`,
    );
  }
  return files;
}

function ofPath(path: string): string[] {
  if (!path.endsWith(WRITTEN) || !existsSync(path)) return filesOf(path, RECORDING);
  const name = `${basename(path, WRITTEN)}${RECORDING}`;
  const places = [join(dirname(path), name), join(dirname(path), BESIDE, name)];
  const found = places.find((place) => existsSync(place));
  if (found) return [found];
  throw new UsageError(
    `${path} has no recording that could be replayed frozen (${name} beside it or in ${BESIDE}/): make one with bin/bailiwick replay --mode live --record ${join(dirname(path), BESIDE)} ${path}`,
  );
}

/** Whether all of them are recordings, or folders that hold nothing but recordings. */
export function areRecordings(paths: readonly string[]): boolean {
  return paths.length > 0 && paths.every((path) => existsSync(path) && holdsOnly(path));
}

function holdsOnly(path: string): boolean {
  if (!statSync(path).isDirectory()) return /\.jsonl$/.test(path);
  const names = readdirSync(path, { recursive: true }) as string[];
  return names.some((name) => name.endsWith(RECORDING)) && !names.some((name) => name.endsWith(WRITTEN));
}
