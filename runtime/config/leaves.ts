/** Walks the schema: which settings there are, how they are named in the environment, which are secret. */
import type { z } from "zod";
import { configSchema } from "./schema.ts";

export interface Leaf {
  /** `["gateway", "port"]` */
  readonly path: readonly string[];
  /** `BAILIWICK_GATEWAY_PORT` */
  readonly env: string;
  readonly secret: boolean;
  /** One or several paths of files or folders. */
  readonly isPath: boolean;
  /** How its text in the environment is read; a list is JSON or words with commas between them. */
  readonly kind: "string" | "number" | "boolean" | "list";
}

/** `BAILIWICK_GATEWAY_CUSTOMER_AUTH` for gateway.customerAuth. */
export function envName(path: readonly string[]): string {
  return ["BAILIWICK", ...path.map((p) => p.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase())].join("_");
}

/** Without the layers for defaults and absence. */
function unwrap(schema: z.ZodType): z.ZodType {
  const inner = (schema.def as { readonly innerType?: z.ZodType }).innerType;
  return inner ? unwrap(inner) : schema;
}

/** Whether a schema, a layer of it or the elements of its list are marked so with `.meta()`. */
function marked(schema: z.ZodType, mark: "secret" | "path"): boolean {
  if (schema.meta()?.[mark] === true) return true;
  const def = schema.def as { readonly innerType?: z.ZodType; readonly element?: z.ZodType };
  const inner = def.innerType ?? def.element;
  return inner !== undefined && marked(inner, mark);
}

/** The members of an object schema; undefined for anything else. */
function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  return (unwrap(schema) as { readonly shape?: Record<string, z.ZodType> }).shape;
}

/** Names of the settings in the section at a path; none where there is no section. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let shape = shapeOf(configSchema);
  for (const key of path) shape = shape?.[String(key)] && shapeOf(shape[String(key)]!);
  return Object.keys(shape ?? {});
}

function kindOf(schema: z.ZodType): Leaf["kind"] {
  const type = schema.def.type;
  if (type === "number" || type === "boolean") return type;
  return type === "array" ? "list" : "string";
}

function* walk(schema: z.ZodType, path: readonly string[]): Generator<Leaf> {
  const shape = shapeOf(schema);
  if (shape) {
    for (const [key, member] of Object.entries(shape)) yield* walk(member, [...path, key]);
  } else {
    yield {
      path,
      env: envName(path),
      secret: marked(schema, "secret"),
      isPath: marked(schema, "path"),
      kind: kindOf(unwrap(schema)),
    };
  }
}

/** Every setting, in the order of the schema. */
export const leaves: readonly Leaf[] = [...walk(configSchema, [])];
