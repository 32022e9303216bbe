/** Judges a driven run from its texts and the imported files. */
import { type CheckerOptions, ConversationChecker, type FactWorld, type Finding } from "../facts/index.ts";
import { asksBack, asksForPerson, asksToRephrase } from "./classify.ts";
import type { DrivenRun } from "./drive.ts";

export interface JudgedRun {
  readonly driven: DrivenRun;
  /** By turn and reply. */
  readonly findings: readonly (readonly Finding[])[];
  /** Turns on which the desk asks something back. */
  readonly asked: number;
  /** The customer asked for a person before or with the turn that ended in the hand-off. */
  readonly askedForPerson: boolean;
  readonly firstIsRephrase: boolean;
  readonly verified: boolean;
  readonly namedOwnOrder: boolean;
  /** Facts of own orders that are right, besides their numbers. */
  readonly ownFacts: number;
}

export interface JudgeOptions extends CheckerOptions {
  /** Stands between the desk and the checker: answers what the checker is to find. */
  readonly through?: (checker: ConversationChecker, text: string) => Finding[];
}

export function judgeRun(driven: DrivenRun, world: FactWorld, options: JudgeOptions = {}): JudgedRun {
  const { through = (c, text) => c.deskSays(text) } = options;
  const checker = new ConversationChecker(world, options);
  const findings: Finding[][] = [];
  for (const { text, replies } of driven.turns) {
    checker.customerSays(text);
    for (const reply of replies) findings.push(through(checker, reply));
  }
  const [first] = driven.turns;
  const until = driven.turns.slice(0, driven.handoff?.turn ?? driven.turns.length);
  return {
    driven,
    findings,
    asked: driven.turns.filter((t) => t.answered && t.replies.length > 0 && asksBack(t.replies.at(-1)!))
      .length,
    askedForPerson: until.some((t) => asksForPerson(t.text)),
    firstIsRephrase: first !== undefined && asksToRephrase(first.replies[0] ?? "", first.text),
    verified: checker.customers.length > 0,
    namedOwnOrder: checker.namedOwnOrder,
    ownFacts: findings.flat().filter((f) => f.verdict === "right" && f.order && f.kind !== "order").length,
  };
}
