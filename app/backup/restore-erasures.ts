/** Who was erased since an archive was made is erased in what comes of it, before any desk serves it. */
import { existsSync } from "node:fs";
import { discardErased } from "../../memory/control/discard.ts";
import {
  countOf,
  defaultEraseList,
  EraseList,
  type Erasure,
  readErasures,
} from "../../memory/control/erase-list.ts";
import type { Bus } from "../../runtime/bus/bus.ts";
import { subjectsOf } from "../../runtime/bus/index.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { Bodies } from "../../runtime/log/bodies.ts";
import type { WorkspaceKeyRing } from "../../runtime/log/keyring.ts";
import { hasStream } from "../../runtime/log/stream-snapshot.ts";
import type { Manifest } from "./manifest.ts";

export interface ListPlaces {
  /** `--erase-list`. */
  readonly given?: string;
  /** `--without-erase-list`. */
  readonly without?: boolean;
  /** `backup.eraseList`. */
  readonly configured?: string;
  readonly dataDir: string;
  /** Directory that is restored into. */
  readonly into: string;
}

export interface FoundErasures {
  readonly files: readonly string[];
  readonly erasures: readonly Erasure[];
}

/** @throws UsageError when there is no list, or not the whole of it; EraseListError when one is damaged */
export function findErasures(manifest: Manifest, places: ListPlaces): FoundErasures {
  if (places.without) return { files: [], erasures: [] };
  const named = places.given ?? places.configured;
  const looked =
    named === undefined ? [...new Set([places.dataDir, places.into].map(defaultEraseList))] : [named];
  const files = looked.filter((file) => existsSync(file));
  const anyway =
    "with --without-erase-list it is restored all the same, and whoever was erased since is back";
  if (files.length === 0) {
    throw new UsageError(
      `there is no list of erasures at ${looked.join(" or ")}: name it with --erase-list FILE; ${anyway}`,
    );
  }
  const erasures = files
    .flatMap((file) => readErasures(file) ?? [])
    .filter(({ workspace }) => workspace === manifest.workspace);
  const known = countOf(erasures);
  if (known < manifest.erasures) {
    throw new UsageError(
      `${files.join(" and ")} knows ${known} erasures of workspace ${manifest.workspace}, but ${manifest.erasures} were known when the archive was made: it is not the whole list; name that with --erase-list FILE; ${anyway}`,
    );
  }
  return { files, erasures };
}

/** The list of the desk that comes of the restore: it has to know what is erased there, for the next restore. */
export function listOf({ configured, into }: ListPlaces, workspace: string): EraseList {
  return new EraseList(configured ?? defaultEraseList(into), workspace);
}

/** Destroys the keys of all that were erased, and removes what belonged to them; answers how many customers that is. */
export async function eraseAgain(
  { erasures }: FoundErasures,
  keys: WorkspaceKeyRing,
  bus: Bus,
  workspace: string,
): Promise<number> {
  const erased = new Set<string>();
  for (const { customer, conversations } of erasures) {
    if (!erased.has(customer) && !(await keys.isDestroyed(customer))) erased.add(customer);
    await keys.destroy(customer);
    for (const conversation of conversations)
      if (await keys.sealer(conversation)) await keys.destroy(conversation);
  }
  // A copy that was made while keys were destroyed may have some that nothing refers to.
  await keys.eraseOrphans();
  const names = subjectsOf(workspace);
  // A release before there were any has none.
  if (await hasStream(bus, names.bodiesStream)) await new Bodies(bus, names).dropErased(keys);
  if (await hasStream(bus, names.memoryStream)) await discardErased(bus, workspace, keys);
  return erased.size;
}
