/** Where a term still is at a running desk: in what its stores tell whoever may read them, and in its files. */
import type { VisitText } from "../../runtime/texts.ts";
import { type FileSearch, searchFiles } from "./files.ts";
import { Finder, needlesOf } from "./needles.ts";

export interface SearchSource {
  readonly dataDir: string;
  /** Each shows all that it keeps, opened. */
  readonly visits: readonly ((visit: VisitText, signal?: AbortSignal) => Promise<void>)[];
}

/** A store, opened. */
export interface OpenedSearch {
  readonly store: string;
  /** Conversations, customers, records … that were looked at. */
  readonly looked: number;
  readonly found: number;
  /** Where, by generated ids and keyed hashes; no more than a few. */
  readonly places: readonly string[];
}

export interface SearchReport {
  readonly opened: readonly OpenedSearch[];
  readonly files: FileSearch;
  /** All together. */
  readonly found: number;
  readonly ms: number;
}

/** Places that are named of one store. */
const SHOWN_PLACES = 10;

/** The term itself is in no answer, and is written nowhere. */
export async function search(
  source: SearchSource,
  term: string,
  signal?: AbortSignal,
): Promise<SearchReport> {
  const begun = performance.now();
  const needles = needlesOf(term);
  const stores = new Map<string, { looked: number; found: number; places: string[] }>();
  const visit: VisitText = ({ store, place, text }) => {
    const counts = stores.get(store) ?? { looked: 0, found: 0, places: [] };
    stores.set(store, counts);
    counts.looked++;
    const finder = new Finder(needles);
    finder.push(Buffer.from(text));
    if (finder.total === 0) return;
    counts.found += finder.total;
    if (counts.places.length < SHOWN_PLACES && !counts.places.includes(place)) counts.places.push(place);
  };
  for (const each of source.visits) await each(visit, signal);
  const opened = [...stores].map(([store, counts]) => ({ store, ...counts }));
  const files = await searchFiles(source.dataDir, needles, signal);
  return {
    opened,
    files,
    found: [...opened, ...files.looked].reduce((sum, { found }) => sum + found, 0),
    ms: Math.round(performance.now() - begun),
  };
}
