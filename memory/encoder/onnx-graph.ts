/** Builds an ONNX graph node by node and writes it as a model file (opset 17, IR version 8). */
import { ProtoWriter } from "./protobuf.ts";

const FLOAT = 1;
const UINT8 = 2;
const INT64 = 7;
/** Types of elements by their number in the format, for the node `Cast`. */
export const CAST = { float: FLOAT, uint8: UINT8 } as const;
export type ElementType = "float32" | "int64";

/** Name of a value in the graph: an input, a constant or the output of a node. */
export type Value = string;

export type Attribute = number | readonly number[] | { readonly float: number };

export class OnnxGraph {
  readonly #nodes: ProtoWriter[] = [];
  readonly #initialisers: ProtoWriter[] = [];
  readonly #inputs: ProtoWriter[] = [];
  readonly #outputs: ProtoWriter[] = [];
  readonly #constants = new Map<string, Value>();
  #count = 0;

  /** An input of the model; a string in the shape names a dimension that varies. */
  input(name: string, type: ElementType, shape: readonly (number | string)[]): Value {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(value: Value, type: ElementType, shape: readonly (number | string)[]): void {
    this.#outputs.push(valueInfo(value, type, shape));
  }

  /** Weights; the data is little endian 32-bit floats in row-major order. */
  weights(name: string, shape: readonly number[], data: Float32Array): Value {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initialisers.push(tensor(name, FLOAT, shape, bytes));
    return name;
  }

  /** Weights of one unsigned byte each. */
  weights8(name: string, shape: readonly number[], data: Uint8Array): Value {
    this.#initialisers.push(tensor(name, UINT8, shape, data));
    return name;
  }

  scalar8(value: number): Value {
    return this.#constant(`uint8:${value}`, UINT8, [], Uint8Array.of(value));
  }

  scalar(value: number): Value {
    return this.#constant(`float:${value}`, FLOAT, [], new Uint8Array(Float32Array.of(value).buffer));
  }

  /** A 64-bit integer constant: a number is a scalar, an array a vector. */
  integers(value: number | readonly number[]): Value {
    const list = typeof value === "number" ? [value] : value;
    const bytes = new Uint8Array(BigInt64Array.from(list.map(BigInt)).buffer);
    const shape = typeof value === "number" ? [] : [list.length];
    return this.#constant(`int:${shape.length}:${list.join(",")}`, INT64, shape, bytes);
  }

  /** Adds a node with one output and answers its name. */
  node(
    op: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = "",
  ): Value {
    return this.nodes(op, inputs, 1, attributes, output ? [output] : undefined)[0]!;
  }

  /** Adds a node with several outputs. */
  nodes(
    op: string,
    inputs: readonly Value[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
    names: readonly string[] = Array.from({ length: outputs }, () => `v${this.#count++}`),
  ): readonly Value[] {
    const node = new ProtoWriter();
    for (const input of inputs) node.string(1, input);
    for (const name of names) node.string(2, name);
    node.string(3, `${op}_${names[0]}`).string(4, op);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.#nodes.push(node);
    return names;
  }

  /** The model file. */
  finish(name: string, producer: string): Uint8Array {
    const graph = new ProtoWriter();
    for (const node of this.#nodes) graph.message(1, node);
    graph.string(2, name);
    for (const part of this.#initialisers) graph.message(5, part);
    for (const part of this.#inputs) graph.message(11, part);
    for (const part of this.#outputs) graph.message(12, part);
    return new ProtoWriter()
      .int(1, 8)
      .string(2, producer)
      .message(7, graph)
      .message(8, new ProtoWriter().string(1, "").int(2, 17))
      .finish();
  }

  #constant(key: string, type: number, shape: readonly number[], bytes: Uint8Array): Value {
    const known = this.#constants.get(key);
    if (known) return known;
    const name = `c${this.#constants.size}`;
    this.#initialisers.push(tensor(name, type, shape, bytes));
    this.#constants.set(key, name);
    return name;
  }
}

function tensor(name: string, type: number, shape: readonly number[], bytes: Uint8Array): ProtoWriter {
  return new ProtoWriter().ints(1, shape).int(2, type).string(8, name).bytes(9, bytes);
}

function valueInfo(name: string, type: ElementType, shape: readonly (number | string)[]): ProtoWriter {
  const dimensions = new ProtoWriter();
  for (const size of shape) {
    const dimension = new ProtoWriter();
    if (typeof size === "number") dimension.int(1, size);
    else dimension.string(2, size);
    dimensions.message(1, dimension);
  }
  const tensorType = new ProtoWriter().int(1, type === "float32" ? FLOAT : INT64).message(2, dimensions);
  return new ProtoWriter().string(1, name).message(2, new ProtoWriter().message(1, tensorType));
}

function attribute(name: string, value: Attribute): ProtoWriter {
  const out = new ProtoWriter().string(1, name);
  if (typeof value === "number") return out.int(3, value).int(20, 2);
  if (Array.isArray(value)) return out.ints(8, value).int(20, 7);
  return out.float(2, (value as { float: number }).float).int(20, 1);
}
