/** Checks of what the company has written: playbooks and articles. */

import { formatDiagnostic } from "../../actors/playbooks/language/diagnostics.ts";
import { checkPlaybooks, playbookDirs, playbookFiles } from "../../actors/playbooks/registry.ts";
import { Inventory } from "../../actors/skills/inventory.ts";
import { loadArticles } from "../../memory/knowledge/articles.ts";
import type { Config } from "../../runtime/config/index.ts";
import { SHOP_ARTICLES } from "../shipped.ts";
import { type Check, fail, ok, warn } from "./check.ts";

export function playbooks(config: Config): Check {
  const paths = playbookDirs(config.playbooks);
  return {
    name: "playbooks",
    run() {
      try {
        const { diagnostics } = checkPlaybooks(paths, new Inventory());
        if (diagnostics.length === 0) return ok(`${playbookFiles(paths).length} are sound`);
        return fail(
          `${diagnostics.length} problems, the first: ${formatDiagnostic(diagnostics[0]!)}`,
          `correct them; all of them: bin/bailiwick playbooks lint ${config.playbooks.dirs.join(" ")}`,
        );
      } catch (error) {
        return fail((error as Error).message, "correct playbooks.dirs");
      }
    },
  };
}

export function articles(config: Config): Check {
  const dirs = [...(config.knowledge.shipped ? [SHOP_ARTICLES] : []), ...config.knowledge.dirs];
  return {
    name: "articles",
    async run() {
      const { articles, problems } = await loadArticles(dirs, { maxBytes: config.knowledge.maxArticleBytes });
      if (problems.length === 0) return ok(`${articles.length} are readable`);
      return warn(
        `${articles.length} are readable, ${problems.length} are left out, the first: ${problems[0]}`,
        "correct that file or knowledge.dirs, and look again",
      );
    },
  };
}
