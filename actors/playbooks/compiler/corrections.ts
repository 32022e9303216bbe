/** “No, the other one”: what a customer takes back in the middle of a playbook. */
import { parseExpression, pathsOf } from "../language/expression.ts";
import type { PlaybookDef, SlotDef } from "../language/schema.ts";
import { choices, fromAnswer } from "../slots/fill.ts";
import { orderCorrection } from "../slots/orders.ts";
import type { ItemLike } from "../slots/pick.ts";
import { namedIds, without } from "../slots/variants.ts";
import { keptParts } from "../slots/words.ts";
import type { RunContext, Said } from "./context.ts";

/** After so many corrections the playbook takes its `unclear` path. */
export const MAX_CORRECTIONS = 6;

export interface Correction {
  readonly context: RunContext;
  readonly slot: string;
  /** Where its `ask` goes on: `lookup`, `list`, `which` for orders, else `fill`. */
  readonly route: "lookup" | "list" | "which" | "fill";
}

/** The slots that are chosen from another one, in turn. */
export function dependents(def: PlaybookDef, slot: string): string[] {
  const found: string[] = [];
  const add = (root: string): void => {
    for (const [name, { from }] of Object.entries(def.slots)) {
      if (from === undefined || name === slot || found.includes(name) || !readsName(from, root)) continue;
      found.push(name);
      add(name);
    }
  };
  add(slot);
  return found;
}

function readsName(expression: string, root: string): boolean {
  try {
    return pathsOf(parseExpression(expression)).some((p) => p.parts[0] === root);
  } catch {
    return false; // the linter reports it
  }
}

/** Empties a slot and what hangs on it. */
export function forget(c: RunContext, def: PlaybookDef, slot: string): RunContext {
  let { slots, vars } = c;
  for (const name of [slot, ...dependents(def, slot)]) {
    slots = without(slots, name);
    vars = without(vars, `${name}_chosen`);
  }
  return { ...c, slots, vars };
}

/** @param asking the slot that is being asked for; an answer to that is no correction. */
export function correctionOf(
  c: RunContext,
  def: PlaybookDef,
  answer: Said,
  asking: string | undefined,
): Correction | undefined {
  for (const [name, slot] of Object.entries(def.slots)) {
    if (name === asking || c.slots[name] === undefined) continue;
    if (slot.type === "order") {
      const found = orderCorrection(c, name, answer);
      if (found) {
        const cleared = forget(found.context, def, name);
        return { slot: name, route: found.route as Correction["route"], context: counted(cleared) };
      }
    } else if (slot.type === "variant") {
      // Another item's number: looked for anew.
      const chosen = (c.slots[name] as ItemLike[]).map((v) => v.itemId);
      const wanted = namedIds({ ...c, said: [answer] }, slot).filter((id) => !chosen.includes(id));
      const other = asking === undefined && wantsAnother(answer);
      if (wanted.length || other) {
        const context = counted(forget(c, def, name));
        return { slot: name, route: "fill", context: other ? { ...context, latest: answer.text } : context };
      }
    } else if (asking === undefined) {
      const value = changed(c, name, slot, answer);
      if (value === undefined) continue;
      const cleared = forget(c, def, name);
      return {
        slot: name,
        route: "fill",
        context: counted({ ...cleared, slots: { ...cleared.slots, [name]: value } }),
      };
    }
  }
  return undefined;
}

/** Characters of an answer that says “all of them” and nothing else. */
const SHORT = 120;

const ANOTHER =
  /\b(?:the (?:[\p{L}\p{N}-]+ ){1,4}(?:one|version|variant|model)|rather (?:have |take )?(?:it )?(?:in|the)|(?:i'd |i would )?prefer|make it|in [\p{L}]+ instead|[\p{L}]+ instead)\b/iu;

/** “The nylon one”, where a yes or no was asked for: something else than what was looked out. */
function wantsAnother(answer: Said): boolean {
  return (
    answer.yesNo !== "yes" &&
    answer.text.length <= 80 &&
    !/\?\s*$/.test(answer.text) &&
    ANOTHER.test(answer.text)
  );
}

function counted(c: RunContext): RunContext {
  return { ...c, corrections: c.corrections + 1 };
}

/** A new value for a filled slot, when the answer to a question of yes or no holds one. */
function changed(c: RunContext, name: string, slot: SlotDef, answer: Said): unknown {
  if (slot.type !== "items" && slot.type !== "address" && slot.type !== "choice") return undefined;
  // “Yes” is a yes, unless it names another address or fewer items in the same breath.
  if (slot.type === "choice" && (slot.options === undefined || answer.yesNo === "yes")) return undefined;
  const value = fromAnswer(slot, answer, c);
  if (value === undefined) return undefined;
  // “No, leave the lamp and cancel the whole order” is a no.
  if (slot.type === "items" && answer.yesNo === "no" && keptParts(answer.text).length > 0) return undefined;
  // In a long answer “all” is about anything; only a short one means the whole list.
  const list = slot.type === "items" ? choices(slot, c) : [];
  if (list.length > 1 && (value as unknown[]).length === list.length && answer.text.length > SHORT)
    return undefined;
  const key = (v: unknown): string =>
    slot.type === "items"
      ? (v as ItemLike[])
          .map((i) => i.itemId)
          .sort()
          .join()
      : JSON.stringify(v);
  return key(value) === key(c.slots[name]) ? undefined : value;
}
