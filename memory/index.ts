/** Memory and knowledge: what the desk knows of customers, and what the company wrote down. */
import { type Clock, systemClock } from "../runtime/clock.ts";
import type { Service } from "../runtime/host/service.ts";
import type { KeyRing } from "../runtime/log/sealer.ts";
import { type Row, rowsOf } from "../runtime/rows.ts";
import type { VisitText } from "../runtime/texts.ts";
import type { EraseNotes } from "./control/erase.ts";
import { visitMemory } from "./control/texts.ts";
import type { OpenEncoder } from "./encoder/encoder.ts";
import { type IndexReport, KnowledgeBase } from "./knowledge/base.ts";
import { knowledgeService, memoryService } from "./services.ts";
import { openDatabase } from "./store/database.ts";
import { FactStore } from "./store/facts.ts";
import { type TierOptions, Tiers } from "./store/tiers.ts";
import { TurnStore } from "./store/turns.ts";

export { memoryRoutes } from "./routes.ts";

export interface MemoryOptions {
  /** Folder of the LevelDB, `<data-dir>/memory`. */
  readonly dir: string;
  readonly keys: KeyRing;
  /** Folders of articles; later ones win. */
  readonly knowledgeDirs: readonly string[];
  /** Without one, everything is found by its words alone. It is the caller's to close. */
  readonly encoder?: OpenEncoder;
  readonly clock?: Clock;
  readonly tiers?: TierOptions;
  /** Told of each erasure before it is made; one that it throws at is not made. */
  readonly notes?: EraseNotes;
  /** Told how many articles are indexed. */
  readonly progress?: (done: number, all: number) => void;
}

export interface Memory {
  /** `memory` and `knowledge`, for the host. */
  readonly services: readonly Service[];
  readonly knowledge: KnowledgeBase;
  readonly facts: FactStore;
  readonly turns: TurnStore;
  readonly tiers: Tiers;
  /** What was found in the folders of articles. */
  readonly report: IndexReport;
  /** All that is on disk, sealed as it is there, at one moment. */
  rows(): AsyncIterable<Row>;
  /** Shows all that is kept, opened. */
  visitTexts(visit: VisitText, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Opens what is kept on disk and indexes the articles. */
export async function openMemory(options: MemoryOptions): Promise<Memory> {
  const { keys, encoder, clock = systemClock, notes } = options;
  const db = await openDatabase(options.dir);
  try {
    const facts = new FactStore(db, keys, clock);
    const turns = new TurnStore(db, keys);
    await turns.prepare();
    const tiers = new Tiers(turns, keys, clock, options.tiers);
    const { knowledgeDirs: dirs, progress } = options;
    const knowledge = await KnowledgeBase.open({ db, encoder, dirs, progress });
    return {
      services: [
        memoryService({ facts, turns, tiers, keys, clock, encoder, notes }),
        knowledgeService(knowledge),
      ],
      knowledge,
      facts,
      turns,
      tiers,
      get report() {
        return knowledge.report;
      },
      rows: () => rowsOf(db),
      visitTexts: (visit, signal) => visitMemory({ db, facts, turns, knowledge }, visit, signal),
      close: () => db.close(),
    };
  } catch (error) {
    await db.close();
    throw error;
  }
}
