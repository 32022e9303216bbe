import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadArticles, readArticle } from "./articles.ts";
import { plainText } from "./plain-text.ts";

const read = (text: string, file = "a/Late Fees.md") => readArticle(new TextEncoder().encode(text), file);

describe("readArticle", () => {
  it("reads head and text", async () => {
    const article = await read(
      "---\nid: returns\ntitle: Returning\ntags: [a, b]\nquestions: [how long]\nintents: [return_item]\n---\n\n# How\nSo.\n",
    );
    expect(article).toMatchObject({
      id: "returns",
      title: "Returning",
      tags: ["a", "b"],
      questions: ["how long"],
      intents: ["return_item"],
    });
    expect(article.text).toBe("# How\nSo.");
  });

  it("takes id and title from file and heading where there is no head", async () => {
    expect(await read("Some words\n\n## Overdue items ##\n20 cents.")).toMatchObject({
      id: "Late-Fees",
      title: "Overdue items",
    });
  });

  it.each([
    ["---\nid: a b\n---\ntext", /head\.id: an id of letters/],
    ["---\ntitel: x\n---\ntext", /head.*titel/],
    ["---\nid: [\n---\ntext", /line \d+: /],
    ["---\nid: x\n---\n  \n", /no text in it/],
    ["", /no text/],
  ])("says what is wrong with %j", (text, message) => expect(read(text)).rejects.toThrow(message));

  it("refuses what is no UTF-8 or far too large", async () => {
    await expect(readArticle(Uint8Array.of(0xff, 0xfe, 0x41), "x.md")).rejects.toThrow(/UTF-8/);
    await expect(read("x".repeat(9 * 1024 * 1024))).rejects.toThrow(/too many.*knowledge.maxArticleBytes/);
    expect((await read("words ".repeat(200_000))).text.length).toBeGreaterThan(1_000_000);
  });
});

describe("loadArticles", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "articles-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("reads folders in depth, lets later ones win, and goes on past a broken file", async () => {
    await mkdir(join(dir, "one", "deep"), { recursive: true });
    await mkdir(join(dir, "two"));
    await writeFile(join(dir, "one", "a.md"), "---\nid: a\n---\nfirst");
    await writeFile(join(dir, "one", "deep", "b.md"), "# B\nsecond");
    await writeFile(join(dir, "one", "deep", "a2.md"), "---\nid: a\n---\nthe same id");
    await writeFile(join(dir, "one", "broken.md"), "---\nnonsense: 1\n---\ntext");
    await writeFile(join(dir, "one", "README.md"), "about this folder");
    await writeFile(join(dir, "two", "a.md"), "---\nid: a\n---\nreplaced");
    const { articles, problems } = await loadArticles([
      join(dir, "one"),
      join(dir, "two"),
      join(dir, "three"),
    ]);
    expect(Object.fromEntries(articles.map(({ id, text }) => [id, text]))).toEqual({
      a: "replaced",
      b: "# B\nsecond",
    });
    expect(problems).toHaveLength(3);
    expect(problems.join("\n")).toMatch(
      /broken\.md: head.*\n.*a2\.md: the id a is that of .*|three: cannot be read/s,
    );
  });
});

describe("folders that are links", () => {
  it("are read like others, and what a link does not lead to is passed over", async () => {
    const dir = await mkdtemp(join(tmpdir(), "articles-"));
    try {
      await mkdir(join(dir, "elsewhere"));
      await mkdir(join(dir, "here"));
      await writeFile(join(dir, "elsewhere", "a.md"), "first");
      await symlink(join(dir, "elsewhere"), join(dir, "here", "linked"));
      await symlink(join(dir, "nowhere"), join(dir, "here", "broken"));
      const { articles, problems } = await loadArticles([join(dir, "here")]);
      expect(articles.map(({ id }) => id)).toEqual(["a"]);
      expect(problems).toEqual([]);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe("plainText", () => {
  it("drops what is for the eye only", () => {
    expect(
      plainText(
        "## Head\n**Bold** and *slanted*, `code`, [a link](https://x.y), 2 * 3 * 4\n* item\n> quoted",
      ),
    ).toBe("Head\nBold and slanted, code, a link, 2 * 3 * 4\n- item\nquoted");
  });
});
