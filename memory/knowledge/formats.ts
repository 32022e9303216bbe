/**
 * What an article may be written in, and how it becomes Markdown: as it is, from HTML without what a browser would run or draw, from
 * plain text, from the text of a PDF. What it says stays text, whatever it is.
 */
import { existsSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import TurndownService from "turndown";
import type { PdfText } from "./pdf.ts";

export type Format = "markdown" | "html" | "text" | "pdf";

/** An article's text before its head is looked at. */
export interface Readable {
  readonly markdown: string;
  /** What the file says its title is, besides headings. */
  readonly title?: string;
}

const FORMATS: Readonly<Record<string, Format>> = {
  ".md": "markdown",
  ".markdown": "markdown",
  ".html": "html",
  ".htm": "html",
  ".txt": "text",
  ".pdf": "pdf",
};

/** Undefined for files that are no articles. */
export function formatOf(file: string): Format | undefined {
  return FORMATS[extname(file).toLowerCase()];
}

export interface FormatOptions {
  /** How long a PDF may take, ms. Default 20,000. */
  readonly pdfMs?: number;
}

/** @throws Error that says what is wrong with it and how to mend it */
export async function readable(
  bytes: Uint8Array,
  format: Format,
  { pdfMs = 20_000 }: FormatOptions = {},
): Promise<Readable> {
  if (format === "pdf") {
    const { title, pages } = await pdfText(bytes, pdfMs);
    const markdown = pages.join("\n\n").trim();
    if (markdown === "")
      throw new Error(
        "the PDF has no text: what was scanned has to be recognised (OCR) before it can be found",
      );
    return { markdown, title };
  }
  const text = decoded(bytes);
  return format === "html" ? fromHtml(text) : { markdown: text };
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("not valid UTF-8: save it as UTF-8");
  }
}

/** What is no text of the page, or would be run. */
const NO_TEXT = [
  "script",
  "style",
  "noscript",
  "template",
  "iframe",
  "object",
  "title",
  "nav",
  "form",
] as const;

function fromHtml(html: string): Readable {
  const turndown = new TurndownService({
    headingStyle: "atx",
    bulletListMarker: "-",
    codeBlockStyle: "fenced",
  });
  turndown.remove([...NO_TEXT]);
  // Pictures are not quoted; a link that leads nowhere in the web is its words.
  turndown.addRule("picture", { filter: ["img", "svg" as never], replacement: () => "" });
  turndown.addRule("link", {
    filter: "a",
    replacement: (words, node) => {
      const href =
        (node as unknown as { getAttribute(name: string): string | null }).getAttribute("href") ?? "";
      return /^https?:\/\//i.test(href) ? `[${words}](${href})` : words;
    },
  });
  const title = /<title[^>]*>([\s\S]*?)<\/title\s*>/i.exec(html)?.[1];
  return {
    markdown: turndown.turndown(html),
    title: title && turndown.turndown(`<p>${title}</p>`).replace(/\s+/g, " ").trim(),
  };
}

const PDF_ENTRY = fileURLToPath(new URL("./pdf-worker.js", import.meta.url));

/** In a thread of its own, which is ended when it takes too long: a broken file may keep a reader busy for ever. */
async function pdfText(bytes: Uint8Array, ms: number): Promise<PdfText> {
  if (!existsSync(PDF_ENTRY)) return (await import("./pdf.ts")).textOfPdf(bytes);
  const worker = new Worker(PDF_ENTRY, { workerData: bytes, stdout: true, stderr: true });
  let late: NodeJS.Timeout | undefined;
  try {
    return await new Promise<PdfText>((resolve, reject) => {
      late = setTimeout(
        () => reject(new Error(`the PDF was not read within ${ms} ms: print it to a new PDF`)),
        ms,
      );
      worker.once("message", (answer: PdfText | { readonly error: string }) =>
        "error" in answer ? reject(new Error(answer.error)) : resolve(answer),
      );
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("the PDF can't be read: its reader ended")));
    });
  } finally {
    clearTimeout(late);
    await worker.terminate();
  }
}
