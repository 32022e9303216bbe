/** States that wait for the customer: put the question, hear the answer, ask again a limited number of times. */
import type { PlaybookEvent } from "../protocol.ts";
import { alsoNamed } from "../slots/orders.ts";
import type { StateDraft, Way } from "./compile.ts";
import { hear, type RunContext, type Said, said } from "./context.ts";
import { correctionOf, MAX_CORRECTIONS } from "./corrections.ts";
import type { Effect } from "./effects.ts";
import type { FlowNode } from "./flow.ts";
import type { Surroundings } from "./states.ts";

export interface Waiting {
  /** Puts the question; `again` after an answer that did not help. */
  readonly prompt: (c: RunContext, again: boolean) => Effect;
  /** What follows from an answer, with `route` set; undefined when it does not help. */
  readonly hear: (c: RunContext, answer: Said) => RunContext | undefined;
  readonly reprompts: number;
  /** The slot that is asked for. */
  readonly asking?: string;
}

/** An apology, then the question once more. */
export function reprompted(sorry: string, question: string): string {
  return `${sorry}\n\n${question}`;
}

/** The step was answered: its count of vain answers begins anew. */
export function answered(c: RunContext, id: string): RunContext {
  return { ...c, attempts: { ...c.attempts, [id]: 0 } };
}

export function again(c: RunContext, id: string, reprompts: number): RunContext {
  const attempts = (c.attempts[id] ?? 0) + 1;
  return {
    ...c,
    attempts: { ...c.attempts, [id]: attempts > reprompts ? 0 : attempts },
    route: attempts > reprompts ? "unclear" : "again",
  };
}

/** A state that waits for a turn; `<id>:heard` follows it. `self` is the state's own key. */
export function waitState(node: FlowNode, around: Surroundings, w: Waiting, self = node.id): StateDraft {
  const { id } = node;
  const listen = (c0: RunContext, event: PlaybookEvent): Effect => {
    if (event.type !== "turn") return { context: c0, commands: [] };
    const answer = said(around.def, event.text, event.understanding, false);
    let c: RunContext = { ...hear(c0, answer), at: event.at };
    for (const [name, slot] of Object.entries(around.def.slots))
      if (slot.type === "order") c = alsoNamed(c, name, slot, answer);
    const correction = correctionOf(c, around.def, answer, w.asking);
    if (correction) {
      const spent = correction.context.corrections > MAX_CORRECTIONS;
      return {
        context: {
          ...answered(correction.context, id),
          route: spent ? "unclear" : `correct:${correction.slot}:${correction.route}`,
        },
        commands: [],
      };
    }
    return { context: w.hear(c, answer) ?? again(c, id, w.reprompts), commands: [] };
  };
  return {
    entry: (c, event) => w.prompt(c, (c.attempts[id] ?? 0) > 0 && event?.type !== "resume"),
    on: {
      turn: [{ target: `${id}:heard`, run: listen }],
      resume: [{ target: self, reenter: true }],
    },
  };
}

/** Goes where `route` says. Labels that are not among `ways` are `again`, `unclear` and corrections. */
export function heardState(
  { id, to }: FlowNode,
  { def, asks }: Surroundings,
  ways: Readonly<Record<string, string>>,
  again = id,
): StateDraft {
  const routed = (route: string, target: string): Way => ({ target, guard: (c) => c.route === route });
  const corrections = [...asks].flatMap(([slot, ask]) =>
    def.slots[slot]?.type === "order"
      ? [
          routed(`correct:${slot}:lookup`, `${ask.id}:match`),
          routed(`correct:${slot}:list`, `${ask.id}:list`),
          routed(`correct:${slot}:which`, `${ask.id}:which`),
        ]
      : [routed(`correct:${slot}:fill`, ask.id)],
  );
  return {
    always: [
      ...Object.entries(ways).map(([label, target]) => routed(label, target)),
      ...corrections,
      ...(to.unclear !== undefined ? [routed("unclear", to.unclear)] : []),
      { target: again },
    ],
  };
}
