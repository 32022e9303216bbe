/**
 * The records of a JSON document of any size: the elements of an array, or the values of an object with their keys.
 * Only one element is in memory at a time.
 */

export interface RawRecord {
  readonly value: unknown;
  /** Its key, where the document is an object of records. */
  readonly key?: string;
  /** From 1. */
  readonly number: number;
  /** Line on which it begins, from 1. */
  readonly line: number;
}

export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
  }
}

/** Characters of one element; more is taken for a file of another kind. */
const MAX_ELEMENT = 16 * 1024 * 1024;
const BLANK = /\s/;

/** @throws JsonSyntaxError with the line */
export async function* jsonRecords(chunks: AsyncIterable<string>): AsyncGenerator<RawRecord> {
  const splitter = new Splitter();
  for await (const chunk of chunks) {
    splitter.push(chunk);
    yield* splitter.take();
  }
  splitter.end();
  yield* splitter.take();
}

type Stage = "start" | "key" | "colon" | "value" | "comma" | "end";

class Splitter {
  #stage: Stage = "start";
  #isObject = false;
  #line = 1;
  #number = 0;
  #key: string | undefined;
  /** Text of the element or key that is being read. */
  #text = "";
  #startedOn = 1;
  #depth = 0;
  #inText = false;
  #escaped = false;
  #bare = false;
  #ready: RawRecord[] = [];

  push(chunk: string): void {
    for (let i = 0; i < chunk.length; i++) {
      const c = chunk[i]!;
      this.#char(c);
      if (c === "\n") this.#line++;
    }
  }

  *take(): Generator<RawRecord> {
    const ready = this.#ready;
    this.#ready = [];
    yield* ready;
  }

  end(): void {
    if (this.#stage === "start") throw this.#error("the file is empty");
    if (this.#stage !== "end")
      throw this.#error("the file ends in the middle: it was cut off, or a bracket is missing");
  }

  #char(c: string): void {
    if (this.#text !== "") this.#inside(c);
    else if (!BLANK.test(c)) this.#between(c);
  }

  /** A character between elements. */
  #between(c: string): void {
    const close = this.#isObject ? "}" : "]";
    // A list or object may end at once, but not after a comma.
    const mayEnd = this.#number === 0 || this.#stage === "comma";
    if (this.#stage === "end") throw this.#error(`something follows the end of the records: ${c}`);
    if (this.#stage === "start") {
      if (c !== "[" && c !== "{") throw this.#error("neither a list nor an object of records begins here");
      this.#isObject = c === "{";
      this.#stage = this.#isObject ? "key" : "value";
    } else if (c === close && mayEnd && this.#stage !== "colon" && this.#key === undefined) {
      this.#stage = "end";
    } else if (this.#stage === "comma") {
      if (c !== ",") throw this.#error(`"," is missing, found ${c}`);
      this.#stage = this.#isObject ? "key" : "value";
    } else if (this.#stage === "colon") {
      if (c !== ":") throw this.#error(`":" is missing, found ${c}`);
      this.#stage = "value";
    } else if (this.#stage === "key" && c !== '"') {
      throw this.#error(`a key in quotes is missing, found ${c}`);
    } else if (c === "," || c === "}" || c === "]") {
      throw this.#error(`a record is missing before ${c}`);
    } else this.#begin(c);
  }

  #begin(c: string): void {
    this.#text = c;
    this.#startedOn = this.#line;
    this.#depth = c === "{" || c === "[" ? 1 : 0;
    this.#inText = c === '"';
    this.#bare = !this.#inText && this.#depth === 0;
    this.#escaped = false;
  }

  #inside(c: string): void {
    if (this.#bare) {
      // Numbers and words end at the next separator, which is not theirs.
      if (BLANK.test(c) || c === "," || c === "}" || c === "]") {
        this.#finish();
        this.#char(c);
      } else this.#text += c;
      return;
    }
    this.#text += c;
    if (this.#text.length > MAX_ELEMENT) throw this.#error("one record is larger than 16 MiB");
    if (this.#inText) {
      if (this.#escaped) this.#escaped = false;
      else if (c === "\\") this.#escaped = true;
      else if (c === '"') {
        this.#inText = false;
        if (this.#depth === 0) this.#finish();
      }
    } else if (c === '"') this.#inText = true;
    else if (c === "{" || c === "[") this.#depth++;
    else if ((c === "}" || c === "]") && --this.#depth === 0) this.#finish();
  }

  #finish(): void {
    let value: unknown;
    try {
      value = JSON.parse(this.#text);
    } catch (error) {
      throw new JsonSyntaxError(this.#startedOn, `no valid JSON: ${(error as Error).message}`);
    }
    this.#text = "";
    if (this.#stage === "key") {
      this.#key = value as string;
      this.#stage = "colon";
      return;
    }
    this.#ready.push({ value, key: this.#key, number: ++this.#number, line: this.#startedOn });
    this.#key = undefined;
    this.#stage = "comma";
  }

  #error(message: string): JsonSyntaxError {
    return new JsonSyntaxError(this.#line, message);
  }
}
