/** What a skill is: one thing that agents can do in one system, with everything that a caller has to know about it. */
import type { z } from "zod";
import type { JsonObject } from "../../runtime/json.ts";
import type { BackOffice } from "./backoffice/index.ts";

export interface SkillContext {
  readonly office: BackOffice;
  /** Idempotency key; a write is applied once per key. */
  readonly key: string;
  /** ms since the epoch. */
  readonly now: number;
}

export interface Skill<I extends z.ZodObject = z.ZodObject> {
  /** `<system>.<operation>`; the system is also the service that is asked. */
  readonly name: string;
  /** One sentence, also read by a model that chooses among skills. */
  readonly description: string;
  readonly input: I;
  readonly effect: "read" | "write";
  /** Changes something a customer would mind: wants a confirmation or an approval, and a compensation. */
  readonly consequential: boolean;
  /** The system applies one idempotency key once. */
  readonly honoursKeys: boolean;
  /** The system can be asked what came of a key (operation `lookup`). */
  readonly lookup: boolean;
  /** The skill that takes it back; its input is a subset of this one's, unless its description says otherwise. */
  readonly compensatedBy?: string;
  /** Codes of failures besides those that every ask can have. */
  readonly failureCodes: readonly string[];
  /** Reasons with which it says no: the first word of a failure's message. */
  readonly reasons: readonly string[];
  /** Shape of the answer, by which systems of other makers are checked. */
  readonly output?: z.ZodType;
  /** Does it on the embedded back office. @throws Refusal */
  readonly run: (input: z.output<I>, context: SkillContext) => Promise<JsonObject>;
}

/** A skill whose input type is not known any more. */
export type AnySkill = Skill<any>;

interface Common<I extends z.ZodObject> {
  readonly name: string;
  readonly description: string;
  readonly input: I;
  readonly reasons?: readonly string[];
  readonly output?: z.ZodType;
  readonly run: Skill<I>["run"];
}

/** A skill that changes nothing. */
export function read<I extends z.ZodObject>(skill: Common<I>): Skill<I> {
  return {
    reasons: [],
    failureCodes: ["not_found", "forbidden"],
    ...skill,
    effect: "read",
    consequential: false,
    honoursKeys: true,
    lookup: false,
  };
}

/** A skill that changes something in the embedded back office, once per key. */
export function write<I extends z.ZodObject>(
  skill: Omit<Common<I>, "run"> & {
    readonly compensatedBy?: string;
    /** Default true. */
    readonly consequential?: boolean;
    readonly change: (
      input: z.output<I>,
      tx: Parameters<Parameters<BackOffice["write"]>[4]>[0],
      context: SkillContext,
    ) => Promise<JsonObject>;
  },
): Skill<I> {
  const { change, ...rest } = skill;
  return {
    reasons: [],
    consequential: true,
    failureCodes: ["not_found", "forbidden", "conflict"],
    ...rest,
    effect: "write",
    honoursKeys: true,
    lookup: true,
    run: (input, context) =>
      context.office.write(context.key, skill.name, input as JsonObject, context.now, (tx) =>
        change(input, tx, context),
      ),
  };
}
