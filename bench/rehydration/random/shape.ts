/** The tree of states of a random machine, before anything happens in it. */
import type { Random } from "./random.ts";

export interface Shape {
  readonly key: string;
  readonly kind: "atomic" | "compound" | "parallel" | "final" | "shallow" | "deep";
  readonly parent: Shape | undefined;
  readonly children: Shape[];
}

export interface ShapeLimits {
  readonly depth: number;
  /** Children of one state. */
  readonly width: number;
}

/** A tree with a parallel state or a history state in it. */
export function randomShape(random: Random, limits: ShapeLimits): Shape {
  let names = 0;
  const name = (): string => `s${++names}`;

  const grow = (kind: Shape["kind"], parent: Shape | undefined, depth: number): Shape => {
    const shape: Shape = { key: name(), kind, parent, children: [] };
    if (kind !== "compound" && kind !== "parallel") return shape;
    const width = random.between(2, limits.width);
    for (let n = 0; n < width; n++) {
      const childKind =
        depth >= limits.depth || random.chance(0.4) ? "atomic" : random.chance(0.6) ? "compound" : "parallel";
      shape.children.push(grow(childKind, shape, depth + 1));
    }
    const add = (extra: Shape["kind"]): void => {
      shape.children.push({ key: name(), kind: extra, parent: shape, children: [] });
    };
    if (kind === "compound" && parent && random.chance(0.25)) add("final");
    if (parent && random.chance(0.35)) add("shallow");
    if (parent && random.chance(0.35)) add("deep");
    return shape;
  };

  const root = grow(random.chance(0.5) ? "parallel" : "compound", undefined, 1);
  const has = (kind: Shape["kind"]): boolean => statesOf(root).some((each) => each.kind === kind);
  if (has("parallel") || has("shallow") || has("deep")) return root;
  root.children.push(grow("parallel", root, limits.depth));
  return root;
}

/** The root and everything below it, in document order. */
export function statesOf(root: Shape): Shape[] {
  return [root, ...root.children.flatMap(statesOf)];
}

export function isHistory(shape: Shape): boolean {
  return shape.kind === "shallow" || shape.kind === "deep";
}

/** Keys from below the root down to the state. */
export function pathOf(shape: Shape): string[] {
  return shape.parent ? [...pathOf(shape.parent), shape.key] : [];
}
