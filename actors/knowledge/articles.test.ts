import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { loadArticles } from "../../memory/knowledge/articles.ts";
import { offers, plans } from "../skills/backoffice/demo/assortment.ts";
import { settingsSchema } from "../skills/backoffice/types.ts";

const FOLDER = fileURLToPath(new URL("shop/", import.meta.url));

const frontMatter = z.strictObject({
  id: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/),
  title: z.string().min(10).max(120),
  tags: z.array(z.string().min(2)).min(1),
  questions: z.array(z.string().min(8)).min(3).max(6).optional(),
});

const files = readdirSync(FOLDER).filter((name) => name.endsWith(".md"));
const articles = files.map((file) => {
  const source = readFileSync(`${FOLDER}${file}`, "utf8");
  const [, head, body] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(source) ?? [];
  if (head === undefined || body === undefined) throw new Error(`${file} has no front matter`);
  return { file, source, head: frontMatter.parse(parse(head)), body };
});
const article = (id: string): string => {
  const found = articles.find((a) => a.head.id === id);
  if (!found) throw new Error(`there is no article ${id}`);
  return found.body;
};
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}$%.'’-]+/gu) ?? [];
const repeated = <T>(list: readonly T[]): T[] => list.filter((x, i) => list.indexOf(x) !== i);

describe("the shop's knowledge articles", () => {
  it("are at least 40, each under its own id, title and questions", () => {
    expect(articles.length).toBeGreaterThanOrEqual(40);
    for (const { file, head } of articles) expect(file).toBe(`${head.id}.md`);
    expect(repeated(articles.map((a) => a.head.title.toLowerCase()))).toEqual([]);
    expect(repeated(articles.flatMap((a) => a.head.questions ?? []).map((q) => q.toLowerCase()))).toEqual([]);
  });

  it("are all taken by the knowledge base, with their questions", async () => {
    const loaded = await loadArticles([FOLDER]);
    expect(loaded.problems).toEqual([]);
    expect(loaded.articles).toHaveLength(articles.length);
    expect(loaded.articles.find((a) => a.id === "return-window")!.questions.length).toBeGreaterThan(2);
  });

  it("have at least 150 words, cut by headings", () => {
    for (const { file, body } of articles) {
      const words = body.match(/\S+/g)?.length ?? 0;
      expect(words, file).toBeGreaterThanOrEqual(150);
      expect(words, file).toBeLessThanOrEqual(330);
      const headings = body.match(/^## .+$/gm)?.length ?? 0;
      expect(headings, file).toBeGreaterThanOrEqual(2);
      expect(headings, file).toBeLessThanOrEqual(5);
    }
  });

  it("don't repeat each other", () => {
    const shingles = articles.map(({ body }) => {
      const words = wordsOf(body);
      return new Set(words.slice(7).map((_, i) => words.slice(i, i + 8).join(" ")));
    });
    const alike: string[] = [];
    for (const [i, a] of shingles.entries()) {
      for (const [j, b] of shingles.entries()) {
        if (j <= i) continue;
        const shared = [...a].filter((s) => b.has(s)).length / Math.min(a.size, b.size);
        if (shared >= 0.05) alike.push(`${articles[i]!.file} and ${articles[j]!.file}: ${shared.toFixed(3)}`);
      }
    }
    expect(alike).toEqual([]);
  });

  it("name no real address, page or telephone", () => {
    for (const { file, source } of articles) {
      expect(source, file).not.toMatch(/https?:|www\./i);
      for (const [, host] of source.matchAll(/@([\w.-]+\w)/g)) {
        expect(host, file).toMatch(/^(?:[\w-]+\.)*example\.com$/);
      }
      for (const host of source.match(/\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|shop|co)\b/gi) ??
        []) {
        expect(host, file).toMatch(/(?:^|\.)example\.com$/);
      }
      for (const number of source.match(/\+\d[\d ]{6,}/g) ?? []) {
        expect(number.trim(), file).toMatch(/^\+1 555 01\d\d$/);
      }
    }
  });

  it("state the limits by which the desk decides", () => {
    const { returnWindowDays, damageWindowDays, refundApprovalLimit, cancellable, readdressable } =
      settingsSchema.parse({});
    for (const id of ["return-window", "exchanges", "hygiene-and-return-exceptions"]) {
      expect(article(id), id).toContain(`${returnWindowDays} days`);
    }
    expect(article("item-arrived-damaged")).toContain(`${damageWindowDays} days after delivery`);
    for (const id of ["refund-timing", "how-to-return", "item-arrived-damaged", "exchanges"]) {
      expect(article(id), id).toContain(`$${refundApprovalLimit}`);
    }
    for (const status of cancellable) expect(article("cancel-an-order")).toContain(status);
    for (const status of readdressable) expect(article("change-delivery-address")).toContain(status);
  });

  it("state the plans and the offer that the company has", () => {
    const text = article("subscription-plans");
    for (const { name, price, limits } of plans("USD")) {
      expect(text).toContain(
        `**${name}**: $${price} a month, ${limits.storage} GB${name === "Basic" ? " of storage" : ""}, up to ${limits.devices} devices`,
      );
    }
    const stay = offers().find((offer) => offer.on === "cancel");
    expect(stay?.months).toBe(3);
    expect(article("cancel-subscription-info")).toContain(`${stay?.percent} % off for three months`);
  });
});
