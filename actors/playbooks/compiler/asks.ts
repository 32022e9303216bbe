/** The states of an `ask`: what fills a slot, by its type. */
import type { SlotDef, StepOf } from "../language/schema.ts";
import { choices, expectedTypes, fromAnswer, fromSaid, optionsOf } from "../slots/fill.ts";
import { afterChoice, afterList, afterMatch, MAX_LISTED, type Resolution } from "../slots/orders.ts";
import { afterVariants, openItem, pickShown, wish } from "../slots/variants.ts";
import { TEXTS } from "../texts.ts";
import type { StateDraft, Way } from "./compile.ts";
import { allText, type RunContext, wantedNumbers } from "./context.ts";
import * as fx from "./effects.ts";
import type { FlowNode } from "./flow.ts";
import { doneWay, failedWay, failureWays, type Surroundings } from "./states.ts";
import { again, answered, heardState, reprompted, waitState } from "./waiting.ts";

type States = Record<string, StateDraft>;
const only = (context: RunContext): fx.Effect => ({ context, commands: [] });

/** Orders that are looked at when nothing says which one it is; the newest come first. */
const LIST_LIMIT = 20;

export function askStates(node: FlowNode, step: StepOf<"ask">, around: Surroundings): States {
  const slot = around.def.slots[step.ask];
  if (!slot) return {};
  if (slot.type === "order") return orderStates(node, step.ask, slot, around);
  if (slot.type === "variant") return variantStates(node, step.ask, slot, around);
  return valueStates(node, step.ask, slot, around);
}

const filled = (name: string) => (c: RunContext) => c.slots[name] !== undefined;
const route =
  (label: string) =>
  (c: RunContext): boolean =>
    c.route === label;

// --- values that stand in the message ----------------------------------------------------------------------------

function valueStates(node: FlowNode, name: string, slot: SlotDef, around: Surroundings): States {
  const { id, to } = node;
  const put = (c: RunContext, value: unknown): RunContext => ({
    ...c,
    latest: slot.type === "items" ? null : c.latest,
    slots: { ...c.slots, [name]: value },
  });
  const labels =
    slot.type === "choice" ? (c: RunContext) => optionsOf(slot, c).map((o) => o.label) : undefined;
  return {
    [id]: {
      entry: (c) => {
        if (c.slots[name] !== undefined) return only(c);
        const value = fromSaid(slot, c);
        return only(value === undefined ? c : put(c, value));
      },
      always: [
        { target: to.filled!, guard: (c) => slot.optional || c.slots[name] !== undefined },
        { target: `${id}:wait` },
      ],
    },
    [`${id}:wait`]: waitState(
      node,
      around,
      {
        asking: name,
        reprompts: slot.reprompts,
        prompt: (c, more) => {
          const asked = fx.text(c, slot.ask ?? "");
          const words = more
            ? slot.reprompt
              ? fx.text(c, slot.reprompt)
              : reprompted(TEXTS.reprompt, asked)
            : asked;
          return fx.question(c, id, "ask", words, expectedTypes(slot), labels?.(c).slice(0, 6));
        },
        hear: (c, answer) => {
          const value = fromAnswer(slot, answer, c);
          return value === undefined ? undefined : { ...put(answered(c, id), value), route: "filled" };
        },
      },
      `${id}:wait`,
    ),
    [`${id}:heard`]: heardState(node, around, { filled: to.filled! }, `${id}:wait`),
  };
}

// --- an order ----------------------------------------------------------------------------------------------------

function orderStates(node: FlowNode, name: string, slot: SlotDef, around: Surroundings): States {
  const { id, to } = node;
  const settled = (r: Resolution): RunContext => ({ ...r.context, route: r.route });
  const customer = (c: RunContext): string => c.customer?.id ?? "";
  /** The refusal of a number that is not the customer's, once. */
  const refuse = (c: RunContext): RunContext =>
    c.refused.length === 0
      ? c
      : fx.draft(
          { ...c, refused: [] },
          fx.text(c, slot.refuse ?? TEXTS.refuse, {
            refused: c.refused.map((n) => `#${n.replace(/^#/, "")}`),
          }),
        );
  return {
    [id]: { always: [{ target: to.filled!, guard: filled(name) }, { target: `${id}:match` }] },
    [`${id}:match`]: {
      entry: (c) =>
        fx.call(c, id, "orders.match", {
          customerId: customer(c),
          numbers: wantedNumbers(c),
          text: c.latest ?? allText(c),
        }),
      on: {
        "call.done": [doneWay(`${id}:routed`, (c, value) => settled(afterMatch(c, name, slot, value)))],
        "call.failed": [failedWay(id)],
      },
    },
    [`${id}:list`]: {
      entry: (c) => fx.call(c, id, "orders.list", { customerId: customer(c), limit: LIST_LIMIT }),
      on: {
        "call.done": [doneWay(`${id}:routed`, (c, value) => settled(afterList(c, name, slot, value)))],
        "call.failed": [failedWay(id)],
      },
    },
    [`${id}:failed`]: { always: failureWays(to) },
    [`${id}:routed`]: {
      always: [
        { target: `${id}:filled`, guard: route("filled") },
        { target: `${id}:match`, guard: route("lookup") },
        { target: `${id}:list`, guard: route("list") },
        { target: `${id}:none`, guard: route("none") },
        ...(to.unclear === undefined ? [] : [{ target: to.unclear, guard: route("unclear") }]),
        { target: `${id}:which` },
      ],
    },
    [`${id}:filled`]: { entry: (c) => only(refuse(c)), always: [{ target: to.filled! }] },
    [`${id}:none`]: { entry: (c) => only(refuse(c)), always: [{ target: to.none! }] },
    [`${id}:which`]: waitState(
      node,
      around,
      {
        asking: name,
        reprompts: slot.reprompts,
        prompt: (c0, more) => {
          const sorry = more && c0.refused.length === 0;
          const c = refuse(c0);
          const list = `${fx.text(c, slot.which ?? TEXTS.whichAmong)}\n${fx.text(c, "{{ candidates | orders }}")}`;
          const ask = fx.text(c, slot.ask ?? TEXTS.which);
          const words = sorry
            ? [slot.reprompt ? fx.text(c, slot.reprompt) : TEXTS.whichAgain, list, ask]
            : [list, ask];
          const replies = c.candidates.slice(0, MAX_LISTED).map((o) => `#${o.id.replace(/^#/, "")}`);
          return fx.question(c, id, "choose", words.join("\n\n"), expectedTypes(slot), replies);
        },
        hear: (c, answer) => {
          const r = afterChoice(c, name, slot, answer);
          if (r.route === "again") return again(r.context, id, slot.reprompts);
          if (r.route === "lookup") {
            // Numbers can be guessed at only as often as a question is repeated.
            const counted = again(r.context, id, slot.reprompts);
            return counted.route === "unclear" ? counted : { ...counted, route: "lookup" };
          }
          return settled({ ...r, context: answered(r.context, id) });
        },
      },
      `${id}:which`,
    ),
    [`${id}:heard`]: heardState(
      node,
      around,
      { filled: `${id}:filled`, lookup: `${id}:match`, list: `${id}:list`, none: `${id}:none` },
      `${id}:which`,
    ),
  };
}

// --- what is wanted instead --------------------------------------------------------------------------------------

function variantStates(node: FlowNode, name: string, slot: SlotDef, around: Surroundings): States {
  const { id, to } = node;
  const more = (c: RunContext): Readonly<Record<string, unknown>> => ({
    pool: c.pool,
    item: openItem(c, name, slot),
  });
  const routes: Way[] = [
    { target: to.filled!, guard: route("filled") },
    { target: `${id}:look`, guard: route("next") },
    { target: `${id}:all`, guard: route("all") },
    { target: to.none!, guard: route("none") },
  ];
  const found = (c: RunContext, value: unknown): RunContext => {
    const r = afterVariants(c, name, slot, value);
    return { ...r.context, route: r.route };
  };
  return {
    [id]: {
      always: [
        { target: to.filled!, guard: filled(name) },
        { target: to.none!, guard: (c) => openItem(c, name, slot) === undefined },
        { target: `${id}:look` },
      ],
    },
    [`${id}:look`]: {
      entry: (c) => {
        const item = openItem(c, name, slot);
        return fx.call(c, id, "catalog.variants", {
          productId: item?.productId ?? "",
          like: item?.itemId ?? "",
          wanted: item ? wish(c, item, choices(slot, c).length > 1) : "",
        });
      },
      on: { "call.done": [doneWay(`${id}:routed`, found)], "call.failed": [failedWay(id)] },
    },
    // The wish names no option that the product has: everything there is.
    [`${id}:all`]: {
      entry: (c) =>
        fx.call(c, id, "catalog.product", { productId: openItem(c, name, slot)?.productId ?? "" }),
      on: { "call.done": [doneWay(`${id}:routed`, found)], "call.failed": [failedWay(id)] },
    },
    [`${id}:failed`]: { always: failureWays(to) },
    [`${id}:routed`]: { always: [...routes, { target: `${id}:which` }] },
    [`${id}:which`]: waitState(
      node,
      around,
      {
        asking: name,
        reprompts: slot.reprompts,
        prompt: (c, sorry) => {
          const words = sorry
            ? fx.text(c, slot.reprompt ?? TEXTS.offerAgain, more(c))
            : fx.text(c, slot.offer ?? TEXTS.offer, more(c));
          return fx.question(c, id, "choose", words, expectedTypes(slot));
        },
        hear: (c, answer) => {
          const r = pickShown(c, name, slot, answer.text);
          if (r) return { ...answered(r.context, id), route: r.route };
          // None of those shown: perhaps one that was not.
          const counted = again({ ...c, latest: answer.text }, id, slot.reprompts);
          return counted.route === "unclear" ? counted : { ...counted, route: "next" };
        },
      },
      `${id}:which`,
    ),
    [`${id}:heard`]: heardState(node, around, { filled: to.filled!, next: `${id}:look` }, `${id}:which`),
  };
}
