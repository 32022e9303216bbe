/**
 * Reads articles: Markdown, plain text, HTML and PDF (`formats.ts`), the first two with an optional head in YAML between two lines
 * of `---`.
 *
 *     ---
 *     id: returns
 *     title: Returning an item
 *     tags: [returns, refunds]
 *     questions:
 *       - can I still send it back after three weeks
 *     intents: [return_item]
 *     ---
 *     You can return …
 *
 * Without a head the file's name is the id, and the title what an HTML page or a PDF calls itself, or the first heading. An article's text is only ever quoted:
 * whatever it says, it instructs nobody.
 */
import { createHash } from "node:crypto";
import { opendir, readFile, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { slices } from "../slices.ts";
import { type FormatOptions, formatOf, readable } from "./formats.ts";

export interface Article {
  readonly id: string;
  readonly title: string;
  readonly tags: readonly string[];
  /** How customers ask for it: it is found by these as well as by its text; they are never quoted. */
  readonly questions: readonly string[];
  /** Intents that it answers. */
  readonly intents: readonly string[];
  /** Markdown, without the head. */
  readonly text: string;
  /** SHA-256 (hex) of the whole file. */
  readonly hash: string;
  /** Where it was read, for messages. */
  readonly file: string;
}

export interface LoadedArticles {
  readonly articles: readonly Article[];
  /** One sentence for each file that could not be used, with its place. The other articles are fine. */
  readonly problems: readonly string[];
}

/** Characters of a title. */
const TITLE = 200;

const head = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "an id of letters, digits, `.`, `_` and `-`")
    .optional(),
  title: z.string().trim().min(1).max(TITLE).optional(),
  tags: z.array(z.string()).default([]),
  questions: z.array(z.string().trim().min(1).max(300)).max(30).default([]),
  intents: z.array(z.string()).default([]),
});

export interface ArticleOptions extends FormatOptions {
  /** Larger files are no articles, bytes. Default 8 MiB. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 8 * 1024 * 1024;
/** Entries of a folder that are read at once. */
const ENTRIES_AT_ONCE = 128;
/** Files that are read at once. */
const READ_AT_ONCE = 16;

/** Later folders win: an article with the id of one in an earlier folder replaces it. */
export async function loadArticles(
  dirs: readonly string[],
  options: ArticleOptions = {},
): Promise<LoadedArticles> {
  const articles = new Map<string, Article>();
  const problems: string[] = [];
  for (const dir of dirs) {
    const own = new Map<string, string>();
    let files: string[];
    try {
      files = await articleFiles(dir);
    } catch (error) {
      problems.push(
        `${dir}: cannot be read (${(error as NodeJS.ErrnoException).code}): check knowledge.dirs`,
      );
      continue;
    }
    for await (const { file, bytes } of contentsOf(files)) {
      try {
        const article = await readArticle(await bytes, file, options);
        const other = own.get(article.id);
        if (other)
          throw new Error(`the id ${article.id} is that of ${relative(dir, other)} too: give it another one`);
        own.set(article.id, file);
        articles.set(article.id, article);
      } catch (error) {
        problems.push(`${file}: ${(error as Error).message}`);
      }
    }
  }
  return { articles: [...articles.values()], problems };
}

/**
 * Files of articles below a folder, in order. Folders are read a few entries at a time: what lists a large one at once, or asks for
 * the kind of each of its files, holds up everybody else.
 */
async function articleFiles(dir: string): Promise<string[]> {
  const rest = slices();
  const files: string[] = [];
  const waiting = [dir];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    for await (const entry of await opendir(folder, { bufferSize: ENTRIES_AT_ONCE })) {
      await rest();
      const path = join(folder, entry.name);
      const isFolder = entry.isSymbolicLink() ? await isFolderAt(path) : entry.isDirectory();
      if (isFolder) waiting.push(path);
      else if (formatOf(entry.name) && !/^readme\./i.test(entry.name)) files.push(path);
    }
  }
  return files.sort();
}

function isFolderAt(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Files in order; a few are read ahead. */
async function* contentsOf(
  files: readonly string[],
): AsyncGenerator<{ file: string; bytes: Promise<Buffer> }> {
  for (let i = 0; i < files.length; i += READ_AT_ONCE) {
    const some = files.slice(i, i + READ_AT_ONCE).map((file) => ({ file, bytes: readFile(file) }));
    await Promise.allSettled(some.map(({ bytes }) => bytes));
    yield* some;
  }
}

/** Text that changes whenever a file of the folders is written, comes or goes. */
export async function stateOfFolders(dirs: readonly string[]): Promise<string> {
  const state = createHash("sha256");
  for (const dir of dirs) {
    const files = await articleFiles(dir).catch(() => []);
    for (let i = 0; i < files.length; i += READ_AT_ONCE) {
      const some = files.slice(i, i + READ_AT_ONCE);
      const found = await Promise.all(some.map((file) => stat(file).catch(() => undefined)));
      for (const [n, file] of some.entries())
        state.update(`${file} ${found[n]?.size} ${found[n]?.mtimeMs}\n`);
    }
  }
  return state.digest("hex");
}

/** @throws Error saying what is wrong and where in the file. */
export async function readArticle(
  bytes: Uint8Array,
  file: string,
  { maxBytes = MAX_BYTES, ...options }: ArticleOptions = {},
): Promise<Article> {
  if (bytes.length > maxBytes)
    throw new Error(`${bytes.length} bytes are too many: ${maxBytes} at most (knowledge.maxArticleBytes)`);
  const format = formatOf(file) ?? "markdown";
  const { markdown: content, title: ownTitle } = await readable(bytes, format, options);
  const mayHaveHead = format === "markdown" || format === "text";
  const split = mayHaveHead ? HEAD.exec(content) : undefined;
  const text = (split ? content.slice(split[0].length) : content).trim();
  if (text === "") throw new Error("there is no text in it");
  const { id, title, tags, questions, intents } = readHead(split?.[1] ?? "");
  return {
    id: id ?? idOf(file),
    title:
      title ??
      (ownTitle || undefined)?.slice(0, TITLE) ??
      headingOf(text) ??
      basename(file).replace(/\.\w+$/, ""),
    tags,
    questions,
    intents,
    text,
    hash: createHash("sha256").update(bytes).digest("hex"),
    file,
  };
}

const HEAD = /^---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/;

function headingOf(text: string): string | undefined {
  return /^#{1,6}\s+(.+?)\s*#*$/m.exec(text)?.[1];
}

function readHead(yaml: string): z.output<typeof head> {
  const document = parseDocument(yaml);
  const [wrong] = document.errors;
  // The head begins on the second line of the file.
  if (wrong) throw new Error(`line ${(wrong.linePos?.[0].line ?? 0) + 1}: ${wrong.message.split("\n")[0]}`);
  const parsed = head.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new Error(`head${path.length > 0 ? `.${path.join(".")}` : ""}: ${message}`);
}

function idOf(file: string): string {
  const slug = basename(file)
    .replace(/\.\w+$/, "")
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+|-+$/g, "");
  if (slug === "")
    throw new Error("its name holds no letter that an id could be made of: give it an id in the head");
  return slug.slice(0, 128);
}
