/**
 * The part of the protocol-buffers wire format that an ONNX file needs, for writing only: varints, packed varints,
 * 32-bit floats, and length-delimited fields. Parts are kept as a list, so that weights of many megabytes are not copied
 * at every level of nesting.
 */
export class ProtoWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** An integer that is not negative, or a negative one in its ten-byte form. */
  int(field: number, value: number | bigint): this {
    this.#push(varint(BigInt(field) << 3n));
    return this.#push(varint(BigInt(value)));
  }

  ints(field: number, values: readonly number[]): this {
    for (const value of values) this.int(field, value);
    return this;
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#push(varint((BigInt(field) << 3n) | 5n));
    return this.#push(bytes);
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    this.#head(field, value.length);
    return this.#push(value);
  }

  message(field: number, value: ProtoWriter): this {
    this.#head(field, value.#length);
    for (const part of value.#parts) this.#push(part);
    return this;
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  #head(field: number, length: number): void {
    this.#push(varint((BigInt(field) << 3n) | 2n));
    this.#push(varint(BigInt(length)));
  }

  #push(part: Uint8Array): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }
}

function varint(value: bigint): Uint8Array {
  let rest = BigInt.asUintN(64, value);
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
