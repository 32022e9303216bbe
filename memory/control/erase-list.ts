/**
 * Who was erased, as a list outside of the data directory and of every backup: what was backed up before is erased again when it
 * is restored. Lines of JSON that are only ever added; no name in them, only keyed hashes and generated ids.
 *
 *     {"workspace":"main","customer":"<keyed hash>","conversations":["<id>",…],"at":"2026-11-29T10:00:00.000Z"}
 *
 * Conversations are there too: in a backup that is older than when it was known whose they are, nothing else says so.
 */
import { closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

export interface Erasure {
  readonly workspace: string;
  /** Customer key (a keyed hash). */
  readonly customer: string;
  /** Those of the customer, by their keys. */
  readonly conversations: readonly string[];
  /** ISO 8601. */
  readonly at: string;
}

const token = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/);
const lineSchema = z.object({
  workspace: z.string().min(1),
  customer: token,
  conversations: z.array(token).default([]),
  at: z.string(),
});

/** The list cannot be written or read. Its message says where and how to mend it. */
export class EraseListError extends Error {
  override readonly name = "EraseListError";
  readonly exitCode = 2;
}

/** Where the list of a data directory lies unless `backup.eraseList` says otherwise: beside it. */
export function defaultEraseList(dataDir: string): string {
  return `${dataDir.replace(/\/+$/, "")}-erased.jsonl`;
}

export class EraseList {
  readonly file: string;
  readonly #workspace: string;
  /** Customers that are on it, with the conversations that were theirs. */
  #known: Map<string, Set<string>> | undefined;

  constructor(file: string, workspace: string) {
    this.file = file;
    this.#workspace = workspace;
  }

  /** Notes an erasure; it is on disk when this returns. @throws EraseListError: then nothing may be erased */
  note(customer: string, conversations: readonly string[], at = new Date()): void {
    this.#append([{ workspace: this.#workspace, customer, conversations, at: at.toISOString() }]);
  }

  /** Adds an erasure that another node has made, unless it is there. @throws EraseListError */
  heard(customer: string, conversations: readonly string[], at: number): void {
    this.#known ??= knownOf(this.all());
    const known = this.#known.get(customer);
    if (known && conversations.every((each) => known.has(each))) return;
    this.note(customer, conversations, new Date(at));
  }

  /** Adds those erasures of this workspace that the list does not know; answers how many. @throws EraseListError */
  adopt(erasures: readonly Erasure[]): number {
    const known = new Set(this.all().map(identity));
    const fresh = erasures.filter((each) => each.workspace === this.#workspace && !known.has(identity(each)));
    this.#append(fresh);
    return fresh.length;
  }

  /** Makes the list when it is missing: an empty one says that nobody was erased, a missing one says nothing. @throws EraseListError */
  ensure(): void {
    this.#append([]);
  }

  /** Customers of this workspace that were erased. */
  get count(): number {
    return countOf(this.all());
  }

  /** Erasures of this workspace, none where there is no list. @throws EraseListError when a line is none */
  all(): Erasure[] {
    return (readErasures(this.file) ?? []).filter(({ workspace }) => workspace === this.#workspace);
  }

  #append(erasures: readonly Erasure[]): void {
    try {
      mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
      const flags = constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY;
      const handle = openSync(this.file, flags, 0o600);
      try {
        // In one write, behind whatever a crash has cut off: lines of several writers do not mix.
        const text = erasures.map((each) => `\n${JSON.stringify(each)}\n`).join("");
        if (writeSync(handle, text) < Buffer.byteLength(text)) throw new Error("the disk is full");
        fsyncSync(handle);
      } finally {
        closeSync(handle);
      }
      syncFolder(dirname(this.file));
      if (this.#known) knownOf(erasures, this.#known);
    } catch (error) {
      throw new EraseListError(
        `the list of erasures ${this.file} cannot be written (${(error as Error).message}): make it writable for the desk's user, or set backup.eraseList to another place outside of the data directory`,
        { cause: error },
      );
    }
  }
}

/** Customers, each counted once. */
export function countOf(erasures: readonly Erasure[]): number {
  return new Set(erasures.map(({ customer }) => customer)).size;
}

function knownOf(
  erasures: readonly Erasure[],
  into = new Map<string, Set<string>>(),
): Map<string, Set<string>> {
  for (const { customer, conversations } of erasures) {
    const own = into.get(customer) ?? new Set();
    into.set(customer, own);
    for (const each of conversations) own.add(each);
  }
  return into;
}

function identity({ customer, conversations, at }: Erasure): string {
  return `${customer} ${at} ${conversations.join(" ")}`;
}

/** All erasures of a list, whatever their workspace; undefined when there is no list. @throws EraseListError */
export function readErasures(file: string): Erasure[] | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new EraseListError(`the list of erasures ${file} cannot be read: ${(error as Error).message}`);
  }
  return text.split("\n").flatMap((line, n) => {
    if (line === "") return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      // Cut off by a crash, before its erasure began.
      if (!line.endsWith("}")) return [];
      throw new EraseListError(`${file}, line ${n + 1} is damaged: bring the file back from a copy`);
    }
    const parsed = lineSchema.safeParse(value);
    if (parsed.success) return [parsed.data];
    throw new EraseListError(`${file}, line ${n + 1} is no erasure (${parsed.error.issues[0]!.message})`);
  });
}

/** The name of a file that was just made is on disk as well. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
