/** How parts lie beside each other in bytes. Numbers are little endian. */
const LENGTH_BYTES = 4;

/** A vector's 32-bit floats, as they lie in memory. */
export function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Bytes that have their memory for themselves are used as they lie; of others, which may begin anywhere, it is a copy. */
export function floatsOf(bytes: Uint8Array): Float32Array {
  const alone = bytes.byteLength === bytes.buffer.byteLength;
  return new Float32Array((alone ? bytes : Uint8Array.from(bytes)).buffer);
}

export function u32(n: number): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES);
  bytes.writeUInt32LE(n);
  return bytes;
}

export function readU32(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32LE();
}

/** What stands behind a length, and the rest; undefined when it is cut off. */
export function split(bytes: Uint8Array): [Buffer, Buffer] | undefined {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (all.length < LENGTH_BYTES) return undefined;
  const end = LENGTH_BYTES + all.readUInt32LE();
  return end > all.length ? undefined : [all.subarray(LENGTH_BYTES, end), all.subarray(end)];
}
