/** A fresh desk of the run's own, in a directory that is gone afterwards unless it is to be kept. */
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Faults } from "../../actors/data/index.ts";
import { BackOffice } from "../../actors/skills/backoffice/index.ts";
import { importFiles, type Original, storeTarget } from "../../actors/skills/import/index.ts";
import { ShiftedClock } from "../../runtime/clock.ts";
import { prepareDataDir } from "../../runtime/config/data-dir.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import type { Config } from "../../runtime/config/schema.ts";
import type { Stage } from "../../scenarios/player.ts";
import { Desk, type DeskOptions } from "../desk.ts";

export interface OwnDesk extends Required<Stage> {
  readonly desk: Desk;
  readonly dir: string;
  /** What its clock shows, ms since the epoch. */
  now(): number;
  /** Stops it, does something to what it keeps, and starts it again on that, at the same time of its clock. */
  restart(meanwhile: (dir: string) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export interface OwnDeskOptions {
  /** The desk's configuration; what has to be its own is replaced. */
  readonly config: Config;
  /** Directory that is kept. */
  readonly keep?: string;
  readonly dataset?: string;
  /** Imported files that fill the dataset, in this folder. */
  readonly originals?: { readonly folder: string; readonly files: readonly Original[] };
  readonly prepare?: (office: BackOffice, start: number) => Promise<void>;
  readonly progress?: (text: string) => void;
  /** What its clock shows first, ms since the epoch. Default now. */
  readonly at?: number;
}

const SLOW_MS = 2_500;
/** Longest time for which a system that failed is left alone, and a little. */
const MENDED_MS = 35_000;

export async function openOwnDesk(options: OwnDeskOptions): Promise<OwnDesk> {
  const { config, keep, dataset = "main", originals, progress } = options;
  const dir = keep ? resolve(keep) : await mkdtemp(join(tmpdir(), "bailiwick-demo-"));
  if (keep && existsSync(dir) && readdirSync(dir).length > 0) {
    throw new UsageError(
      `--keep ${keep}: there is something in it already, and a demo needs a fresh desk: name an empty or new folder`,
    );
  }
  const clean = async (): Promise<void> => {
    if (!keep) await rm(dir, { recursive: true, force: true });
  };
  try {
    if (originals) {
      progress?.(`loading ${dataset}`);
      prepareDataDir(dir);
      await refill(dir, dataset, originals);
    }
    const clock = new ShiftedClock(options.at);
    const faults = new Faults();
    const start = clock.now();
    const full: DeskOptions = {
      config: {
        ...config,
        dataDir: dir,
        gateway: { ...config.gateway, host: "127.0.0.1", port: 0, customerAuth: "open" },
        nats: { ...config.nats, url: undefined, user: undefined, password: undefined, token: undefined },
        // Scratch copies only, whatever systems and lists the configuration names: what is done here is done to nobody.
        backoffice: { ...config.backoffice, dataset, systems: noSystems(config.backoffice.systems) },
        backup: { ...config.backup, eraseList: undefined },
        // The shipped articles are about the shipped company.
        knowledge: { ...config.knowledge, shipped: config.knowledge.shipped && dataset === "main" },
      },
      clock,
      faults,
      progress,
    };
    let desk = await Desk.start({
      ...full,
      prepare: options.prepare && ((office) => options.prepare!(office, start)),
    });
    return {
      get desk() {
        return desk;
      },
      dir,
      get url() {
        return desk.url;
      },
      adminToken: desk.adminToken,
      start,
      restart: async (meanwhile) => {
        await desk.stop();
        await meanwhile(dir);
        desk = await Desk.start(full);
      },
      now: () => clock.now(),
      advance: async (ms) => clock.advance(ms),
      fault: async (system, mode) => {
        if (mode === undefined) {
          faults.set(system, null);
          await mended(desk, system);
        } else faults.set(system, mode === "slow" ? { mode, delayMs: SLOW_MS } : { mode });
      },
      record: async (collection, id) =>
        (await desk.backOffice.get(collection, id)) as Record<string, unknown> | undefined,
      stop: async () => {
        await desk.stop();
        await clean();
      },
    };
  } catch (error) {
    await clean();
    throw error;
  }
}

/** Waits until the system is tried again: its agent leaves one that failed alone for a while. */
async function mended(desk: Desk, system: string): Promise<void> {
  const end = performance.now() + MENDED_MS;
  for (;;) {
    const services = desk.node.status().services as Record<
      string,
      { state?: string; health?: { state?: string } }
    >;
    const state = services[system]?.health?.state ?? services[system]?.state;
    if (state !== "open" || performance.now() > end) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function refill(
  dir: string,
  dataset: string,
  { folder, files }: { folder: string; files: readonly Original[] },
): Promise<void> {
  const office = await BackOffice.open(join(dir, "backoffice"));
  try {
    for (const { file, collection, map, key } of files) {
      const copied = map !== undefined && /\.ya?ml$/.test(map) ? join(folder, map) : map;
      await importFiles(storeTarget(office), {
        files: [join(folder, file)],
        // A map says by itself what it fills.
        into: copied !== undefined && copied !== "none" ? dataset : `${dataset}/${collection}`,
        map: copied,
        key,
        keepIn: dir,
      });
    }
  } finally {
    await office.close();
  }
}

function noSystems(systems: Config["backoffice"]["systems"]): Config["backoffice"]["systems"] {
  const none = Object.entries(systems).map(([name, system]) => [
    name,
    { ...system, url: undefined, token: undefined },
  ]);
  return Object.fromEntries(none);
}
