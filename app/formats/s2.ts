/**
 * Decompresses Snappy blocks and S2 streams: the first is what LevelDB's tables are made of, the second what the server packs its
 * snapshots in. S2 adds to Snappy that a copy may repeat the distance of the one before it.
 */

/** What was to be decompressed is damaged or of another format. */
export class S2Error extends Error {
  override readonly name = "S2Error";
}

/** Larger blocks than any writer makes. */
const MAX_BLOCK_BYTES = 64 * 1024 * 1024;

/** @throws S2Error */
export function decodeBlock(block: Uint8Array): Buffer {
  let at = 0;
  const byte = (): number => {
    if (at >= block.length) throw new S2Error("a compressed block is cut off");
    return block[at++]!;
  };
  const number = (bytes: number): number => {
    let value = 0;
    for (let n = 0; n < bytes; n++) value += byte() * 2 ** (8 * n);
    return value;
  };
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const next = byte();
    length += (next & 0x7f) * 2 ** shift;
    if (next < 0x80) break;
    if (shift > 28) throw new S2Error("the length of a compressed block is none");
  }
  if (length > MAX_BLOCK_BYTES) throw new S2Error(`a compressed block of ${length} bytes`);
  const out = Buffer.allocUnsafe(length);
  let end = 0;
  let distance = 0;
  while (at < block.length) {
    const tag = byte();
    let bytes: number;
    if ((tag & 3) === 0) {
      bytes = tag >> 2;
      if (bytes >= 60) bytes = number(bytes - 59);
      bytes += 1;
      if (at + bytes > block.length || end + bytes > length)
        throw new S2Error("a compressed block is damaged");
      out.set(block.subarray(at, at + bytes), end);
      at += bytes;
      end += bytes;
      continue;
    }
    if ((tag & 3) === 1) {
      bytes = (tag >> 2) & 7;
      const given = ((tag & 0xe0) << 3) | byte();
      if (given !== 0) distance = given;
      else if (bytes === 5) bytes = number(1) + 4;
      else if (bytes === 6) bytes = number(2) + (1 << 8);
      else if (bytes === 7) bytes = number(3) + (1 << 16);
      bytes += 4;
    } else {
      bytes = (tag >> 2) + 1;
      distance = number((tag & 3) === 2 ? 2 : 4);
    }
    if (distance === 0 || distance > end || end + bytes > length)
      throw new S2Error("a compressed block is damaged");
    if (distance >= bytes) out.copyWithin(end, end - distance, end - distance + bytes);
    // What it copies from is only being written.
    else for (let n = 0; n < bytes; n++) out[end + n] = out[end + n - distance]!;
    end += bytes;
  }
  if (end !== length) throw new S2Error("a compressed block is cut off");
  return out;
}

const HEAD_BYTES = 4;
const CHECK_BYTES = 4;
const COMPRESSED = 0x00;
const UNCOMPRESSED = 0x01;
const IDENTIFIER = 0xff;
/** From here on a reader passes over what it does not know. */
const SKIPPABLE = 0x80;
const MAGIC = /^(S2sTwO|sNaPpY)$/;

/** Decompresses a stream. @throws S2Error, also where it is cut off within a frame */
export async function* decodeS2(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Buffer = Buffer.alloc(0);
  let begun = false;
  for await (const chunk of stream) {
    waiting = waiting.length === 0 ? Buffer.from(chunk) : Buffer.concat([waiting, chunk]);
    let at = 0;
    while (waiting.length >= at + HEAD_BYTES) {
      const kind = waiting[at]!;
      const bytes = waiting.readUIntLE(at + 1, 3);
      if (waiting.length < at + HEAD_BYTES + bytes) break;
      const frame = waiting.subarray(at + HEAD_BYTES, at + HEAD_BYTES + bytes);
      at += HEAD_BYTES + bytes;
      if (kind === IDENTIFIER) {
        if (!MAGIC.test(frame.toString("latin1"))) throw new S2Error("this is no S2 stream");
        begun = true;
        continue;
      }
      if (!begun) throw new S2Error("this is no S2 stream");
      if (kind === COMPRESSED) yield decodeBlock(frame.subarray(CHECK_BYTES));
      else if (kind === UNCOMPRESSED) yield frame.subarray(CHECK_BYTES);
      else if (kind < SKIPPABLE) throw new S2Error(`an S2 stream has a frame of an unknown kind (${kind})`);
    }
    waiting = waiting.subarray(at);
  }
  if (waiting.length > 0 || !begun) throw new S2Error("an S2 stream is cut off");
}
