/** Memory and knowledge: what the desk knows of customers, and what the company wrote down. */
import { type Bus, subjectsOf } from "../runtime/bus/index.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import type { Service } from "../runtime/host/service.ts";
import type { KeyRing } from "../runtime/log/sealer.ts";
import type { VisitText } from "../runtime/texts.ts";
import { BegunErasures } from "./control/begun.ts";
import { type EraseNotes, Eraser } from "./control/erase.ts";
import type { MemoryRetention } from "./control/expiry.ts";
import { visitMemory } from "./control/texts.ts";
import type { OpenEncoder } from "./encoder/encoder.ts";
import type { ArticleOptions } from "./knowledge/articles.ts";
import type { IndexReport } from "./knowledge/base.ts";
import { Knowledge } from "./knowledge/knowledge.ts";
import type { RerankOptions } from "./knowledge/rerank.ts";
import { type KnowledgeServiceOptions, knowledgeService } from "./knowledge/service.ts";
import { memoryService } from "./services.ts";
import { contents } from "./store/contents.ts";
import { openDatabase } from "./store/database.ts";
import { FactStore } from "./store/facts.ts";
import { Holds } from "./store/holds.ts";
import { Summaries } from "./store/summaries.ts";
import { type TierOptions, Tiers } from "./store/tiers.ts";
import { TurnStore } from "./store/turns.ts";
import { Fold } from "./stream/fold.ts";
import {
  Materialiser,
  type MaterialiserParts,
  type Progress,
  type StreamedOptions,
} from "./stream/materialiser.ts";
import { DirectWriter } from "./stream/writer.ts";

export { memoryRoutes } from "./routes.ts";

export interface MemoryOptions {
  /** Folder of the LevelDB, `<data-dir>/memory`. */
  readonly dir: string;
  readonly keys: KeyRing;
  /** Folders of articles; later ones win. */
  readonly knowledgeDirs: readonly string[];
  readonly articles?: ArticleOptions & KnowledgeServiceOptions;
  /** Without one, everything is found by its words alone. It is the caller's to close. */
  readonly encoder?: OpenEncoder;
  readonly clock?: Clock;
  /** Opens the encoder that was used before, by its id; undefined when it is not here any more. */
  readonly formerEncoder?: (id: string) => Promise<OpenEncoder | undefined>;
  /** Ranks once more what is found in the articles. */
  readonly rerank?: RerankOptions;
  readonly tiers?: TierOptions;
  readonly retention?: MemoryRetention;
  /** Where what it is told is kept. Without one it is in this database alone: for a memory that is thrown away. */
  readonly stream?: StreamedOptions & { readonly bus: Bus; readonly workspace: string };
  /** Told of each erasure before it is made; one that it throws at is not made. */
  readonly notes?: EraseNotes;
  /** Told how many articles are indexed. */
  readonly progress?: (done: number, all: number) => void;
}

export interface Memory {
  /** `memory` and `knowledge`, for the host. */
  readonly services: readonly Service[];
  readonly knowledge: Knowledge;
  readonly facts: FactStore;
  readonly turns: TurnStore;
  readonly tiers: Tiers;
  readonly holds: Holds;
  /** Goes on with erasures whose process ended in the middle; the service does so as it starts. Answers how many there were. */
  finishErasures(): Promise<number>;
  /** All that was folded, a line each: for comparing copies. */
  contents(): AsyncGenerator<[string, string]>;
  /** How far this node's copy of the stream is; undefined without a stream. */
  readonly progress: Progress | undefined;
  /** What was found in the folders of articles. */
  readonly report: IndexReport;
  /** Shows all that is kept, opened. */
  visitTexts(visit: VisitText, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Opens what is kept on disk and indexes the articles. */
export async function openMemory(options: MemoryOptions): Promise<Memory> {
  const { keys, encoder, clock = systemClock, notes } = options;
  const db = await openDatabase(options.dir);
  let knowledge: Knowledge | undefined;
  try {
    const facts = new FactStore(db, keys, clock);
    const turns = new TurnStore(db, keys);
    await turns.prepare();
    const tiers = new Tiers(turns, keys, clock, options.tiers);
    const holds = new Holds(db, keys, clock);
    const summaries = new Summaries(db, keys);
    const fold = new Fold({
      facts,
      tiers,
      summaries,
      holds,
      onErased: (...erased) => heard(notes, options.stream?.warn, ...erased),
    });
    const { knowledgeDirs: dirs, articles, rerank, formerEncoder: former, progress } = options;
    const base = await Knowledge.open({ db, encoder, former, rerank, dirs, articles, progress });
    knowledge = base;
    const copy =
      options.stream && (await follow(options.stream, { db, keys, facts, turns, summaries, holds, fold }));
    const writer = copy ?? new DirectWriter(fold);
    const begun = new BegunErasures(db);
    const eraser = new Eraser({ keys, writer, facts, turns, summaries, holds, begun, clock, notes });
    const service = memoryService({
      writer,
      facts,
      turns,
      summaries,
      tiers,
      holds,
      clock,
      encoder,
      retention: options.retention,
      eraser,
      progress: copy && (() => copy.progress),
    });
    return {
      services: [service, knowledgeService(base, options.articles)],
      knowledge: base,
      facts,
      turns,
      tiers,
      holds,
      finishErasures: () => eraser.finish(),
      contents: () => contents({ db, facts, turns, summaries, holds }),
      get report() {
        return base.report;
      },
      get progress() {
        return copy?.progress;
      },
      close: async () => {
        await copy?.close();
        await base.close();
        await db.close();
      },
      visitTexts: (visit, signal) =>
        visitMemory(
          { db, facts, turns, summaries, holds, knowledge: base, keys, stream: options.stream },
          visit,
          signal,
        ),
    };
  } catch (error) {
    await knowledge?.close();
    await db.close();
    throw error;
  }
}

/** A list that can't be written here is one of several: the node that erases has written its own before. */
function heard(
  notes: EraseNotes | undefined,
  warn: StreamedOptions["warn"],
  ...erased: Parameters<NonNullable<EraseNotes["heard"]>>
): void {
  try {
    notes?.heard?.(...erased);
  } catch (error) {
    warn?.("an erasure that was made could not be noted here", { error: (error as Error).message });
  }
}

function follow(
  { bus, workspace, ...options }: NonNullable<MemoryOptions["stream"]>,
  parts: Omit<MaterialiserParts, "bus" | "names">,
): Promise<Materialiser> {
  return Materialiser.open({ ...parts, bus, names: subjectsOf(workspace) }, options);
}
