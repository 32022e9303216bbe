/**
 * What LevelDB has in its files, whether it is in use or deleted and not yet compacted away, and whoever has the database open:
 * tables (`.ldb`) never change, and logs (`.log`, `MANIFEST-…`) only grow.
 *
 * https://github.com/google/leveldb/blob/main/doc/table_format.md and log_format.md
 */
import { decodeBlock } from "./s2.ts";

/** A file is damaged, or none of LevelDB's. */
export class LevelFileError extends Error {
  override readonly name = "LevelFileError";
}

const FOOTER_BYTES = 48;
const TABLE_MAGIC = Buffer.from("57fb808b247547db", "hex");
const TRAILER_BYTES = 5;
const UNCOMPRESSED = 0;
const SNAPPY = 1;

/** Keys (with LevelDB's own eight bytes behind each) and values of a table, in order. @throws LevelFileError, S2Error */
export function* tableEntries(file: Buffer): Generator<{ readonly key: Buffer; readonly value: Buffer }> {
  const footer = file.subarray(-FOOTER_BYTES);
  if (!footer.subarray(-TABLE_MAGIC.length).equals(TABLE_MAGIC))
    throw new LevelFileError("the table is cut off");
  const handles = new Numbers(footer);
  handles.skip(2);
  for (const { value } of blockEntries(blockAt(file, handles)))
    yield* blockEntries(blockAt(file, new Numbers(value)));
}

function blockAt(file: Buffer, handle: Numbers): Buffer {
  const from = handle.next();
  const end = from + handle.next();
  if (end + TRAILER_BYTES > file.length) throw new LevelFileError("a block is outside of its table");
  const block = file.subarray(from, end);
  const kind = file[end];
  if (kind === UNCOMPRESSED) return block;
  if (kind === SNAPPY) return decodeBlock(block);
  throw new LevelFileError(`a block is compressed in an unknown way (${kind})`);
}

/** A key is written as far as it differs from the one before it. */
function* blockEntries(block: Buffer): Generator<{ readonly key: Buffer; readonly value: Buffer }> {
  const restarts = block.readUInt32LE(block.length - 4);
  const end = block.length - 4 - 4 * restarts;
  const numbers = new Numbers(block);
  let key: Buffer = Buffer.alloc(0);
  while (numbers.at < end) {
    const shared = numbers.next();
    const more = numbers.next();
    const length = numbers.next();
    if (shared > key.length || numbers.at + more + length > end)
      throw new LevelFileError("a block is damaged");
    key = Buffer.concat([key.subarray(0, shared), numbers.bytes(more)]);
    yield { key, value: numbers.bytes(length) };
  }
}

/** Numbers of seven bits a byte, and bytes between them. */
class Numbers {
  at = 0;
  readonly #from: Buffer;

  constructor(from: Buffer) {
    this.#from = from;
  }

  next(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#from[this.at++];
      if (byte === undefined || factor > 128 ** 6) throw new LevelFileError("a number is damaged");
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  skip(count: number): void {
    for (let n = 0; n < count; n++) this.next();
  }

  bytes(length: number): Buffer {
    this.at += length;
    return this.#from.subarray(this.at - length, this.at);
  }
}

const LOG_BLOCK_BYTES = 32 * 1024;
const LOG_HEAD_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/** Records of a log, put together of their fragments; at its end also one that is not complete. */
export function* logRecords(file: Buffer): Generator<Buffer> {
  let parts: Buffer[] = [];
  for (let at = 0; at + LOG_HEAD_BYTES <= file.length; ) {
    const left = LOG_BLOCK_BYTES - (at % LOG_BLOCK_BYTES);
    // What is left of a block that no head fits into is empty.
    if (left < LOG_HEAD_BYTES) {
      at += left;
      continue;
    }
    const length = file.readUInt16LE(at + 4);
    const kind = file[at + 6]!;
    if (kind === 0 || kind > LAST || LOG_HEAD_BYTES + length > left) {
      at += left;
      continue;
    }
    if (kind === FULL || kind === FIRST) {
      if (parts.length > 0) yield Buffer.concat(parts);
      parts = [];
    }
    parts.push(file.subarray(at + LOG_HEAD_BYTES, at + LOG_HEAD_BYTES + length));
    at += LOG_HEAD_BYTES + length;
    if (kind === FULL || kind === LAST) {
      yield Buffer.concat(parts);
      parts = [];
    }
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}
