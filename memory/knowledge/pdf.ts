/** The text of a PDF, page by page. */
import { extractText, getDocumentProxy, getMeta } from "unpdf";

export interface PdfText {
  readonly pages: readonly string[];
  readonly title?: string;
}

const ERRORS_ONLY = 0;

/** @throws Error that says what is wrong with it */
export async function textOfPdf(bytes: Uint8Array): Promise<PdfText> {
  if (bytes.length === 0) throw new Error("the PDF is empty");
  try {
    // It takes the bytes over, so it gets its own.
    const document = await getDocumentProxy(Uint8Array.from(bytes), { verbosity: ERRORS_ONLY });
    try {
      const { text } = await extractText(document, { mergePages: false });
      const { info } = await getMeta(document);
      const title = typeof info.Title === "string" ? info.Title.trim() : "";
      return { pages: text, ...(title ? { title } : {}) };
    } finally {
      await document.destroy();
    }
  } catch (error) {
    const { name, message } = error as Error;
    if (name === "PasswordException") throw new Error("the PDF is locked with a password: save it without");
    throw new Error(`the PDF can't be read (${message}): print it to a new PDF`);
  }
}
