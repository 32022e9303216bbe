/** The resident agent `knowledge`: the articles of the company. */
import { z } from "zod";
import { AskError, type Operation, type Service } from "../../runtime/host/service.ts";
import { valid } from "../input.ts";
import type { Knowledge } from "./knowledge.ts";

const inputs = {
  search: z.object({ text: z.string().max(16_384), k: z.number().int().min(1).max(50).default(4) }),
  article: z.object({ id: z.string().min(1) }),
};

export interface KnowledgeServiceOptions {
  /** The folders are looked at for what was written, came or went this often, ms; 0 for never. Default 10,000. */
  readonly rescanMs?: number;
}

/**
 * - `search` {text, k?} → {passages: [{id, articleId, title, text, score, confidence}], best: passage | null}
 * - `get` {id} → {article}
 * - `list` {} → {articles}
 * - `reload` {} → {changed, articles, passages, encoded, problems}: reads what was written, came or went in the folders
 */
export function knowledgeService(
  base: Knowledge,
  { rescanMs = 10_000 }: KnowledgeServiceOptions = {},
): Service {
  let rescanning: NodeJS.Timeout | undefined;
  let stopped = false;
  const operations: Record<string, Operation> = {
    search: async (input, { signal }) => {
      const { text, k } = valid("search", inputs.search, input);
      const passages = (await base.search(text, k, signal)).map((passage) => ({ ...passage }));
      return { passages, best: passages[0] ?? null };
    },
    get: async (input) => {
      const { id } = valid("get", inputs.article, input);
      const article = base.get(id);
      if (!article) throw new AskError("not_found", `there is no article ${id}: knowledge.list names them`);
      const { title, text, tags, intents } = article;
      return { article: { id, title, text, tags, intents } };
    },
    list: async () => ({
      articles: base.list().map(({ id, title, tags, intents }) => ({ id, title, tags, intents })),
    }),
    reload: async () => {
      const changed = await base.refresh();
      return { changed, ...base.report, problems: [...base.report.problems] };
    },
  };
  return {
    name: "knowledge",
    operations,
    repeatable: ["search", "get", "list"],
    health: () => {
      const { articles, passages, toEncode, problems } = base.report;
      return {
        state: problems.length > 0 ? "degraded" : "up",
        articles,
        passages,
        toEncode,
        problems,
        ...(base.isChanging ? { encoder: "changing" } : {}),
      };
    },
    start: async () => {
      if (rescanMs === 0) return;
      stopped = false;
      const again = (): void => {
        if (stopped) return;
        rescanning = setTimeout(() => {
          // What keeps it from being read now is in the report, or over the next time.
          base
            .refresh()
            .catch(() => {})
            .finally(again);
        }, rescanMs).unref();
      };
      again();
    },
    stop: async () => {
      stopped = true;
      clearTimeout(rescanning);
    },
  };
}
