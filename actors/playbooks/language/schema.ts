/**
 * The playbook language, version 1, as zod schemas. Steps nest, and a step is told by its verb (`say`, `ask` …), so
 * nested steps are checked one by one by the reader (`read.ts`), which gives better messages than a union would.
 */
import { z } from "zod";

const NAME = /^[a-z][a-z0-9_]*$/;
const ID = /^[a-z][a-z0-9_-]*$/;
const name = z.string().regex(NAME, "use lower-case letters, digits and _, beginning with a letter");
const id = z.string().regex(ID, "use lower-case letters, digits, - and _, beginning with a letter");
const text = z.string().trim().min(1, "the text is empty");
const SKILL = /^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/;
const skill = z.string().regex(SKILL, "a skill is named <service>.<operation>, such as orders.get");

/** Names that texts and conditions can use without anybody declaring them. */
export const RESERVED = [
  "customer",
  "settings",
  "said",
  "matter",
  "now",
  "error",
  "result",
  "approval",
  "candidates",
  "refused",
] as const;

export const SLOT_TYPES = [
  "order",
  "items",
  "variant",
  "email",
  "postcode",
  "address",
  "date",
  "amount",
  "number",
  "name",
  "phone",
  "choice",
  "text",
] as const;

/** Where to go: the id of a step, or steps to do instead. */
const branch = z.union([id, z.array(z.unknown()).min(1)]);

export const option = z.strictObject({ label: text.optional(), words: z.array(text).default([]) });

export const slotSchema = z.strictObject({
  type: z.enum(SLOT_TYPES),
  /** The question. */
  ask: text.optional(),
  /** The question after an answer that did not fill the slot. */
  reprompt: text.optional(),
  /** How often to ask again before the `unclear` path; default 2. */
  reprompts: z.number().int().min(0).max(5).default(2),
  /** Never asked for: filled when the customer says it. */
  optional: z.boolean().default(false),
  /** Whether earlier messages may fill it; default true, false for `text`. */
  prefill: z.boolean().optional(),
  /** items: the list to choose from. variant: the item or items to replace. choice: a list of records. */
  from: text.optional(),
  /** address: places that the customer may mean by a word (“my New York address”). */
  known: z.array(text).optional(),
  /** address: the present one, which nobody means. */
  except: text.optional(),
  /** items: at most one. */
  single: z.boolean().optional(),
  /** order: statuses that it is most likely about. */
  prefer: z.array(text).optional(),
  /** order: take further orders that were named one after the other. */
  each: z.boolean().optional(),
  /** choice: value → label and words. */
  options: z.record(z.string(), option).optional(),
  /** choice from a list: the member that names an option; default `name`. */
  label: text.optional(),
  /** order: said above the list when several fit. */
  which: text.optional(),
  /** order: said when a named order is not the customer's. Must not tell whether it exists. */
  refuse: text.optional(),
  /** variant: said above the list of options. */
  offer: text.optional(),
});
export type SlotDef = z.infer<typeof slotSchema>;

const common = {
  id: id.optional(),
  /** The step is skipped when the condition does not hold. */
  if: text.optional(),
};
const withInput = z.record(z.string(), z.unknown()).default({});
const failures = z.record(z.string(), branch).default({});

const taskStep = z.strictObject({
  skill,
  with: withInput,
  if: text.optional(),
  compensate: z.strictObject({ skill, with: withInput }).optional(),
  /** Why nothing can take this step back. */
  irreversible: text.optional(),
});

export const stepSchemas = {
  say: z.strictObject({ ...common, say: text, quickReplies: z.array(text).optional() }),
  ask: z.strictObject({
    ...common,
    ask: name,
    /** `unclear`: not answered after all reprompts; order: `none` (there is none), `failed`. */
    on: failures,
  }),
  call: z.strictObject({
    ...common,
    call: skill,
    with: withInput,
    /** Name for the result. */
    as: name.optional(),
    on: failures,
  }),
  confirm: z.strictObject({
    ...common,
    confirm: text,
    reprompt: text.optional(),
    reprompts: z.number().int().min(0).max(5).default(2),
    quickReplies: z.array(text).optional(),
    yes: branch.optional(),
    no: branch,
    on: failures,
  }),
  choose: z.strictObject({
    ...common,
    choose: text,
    reprompt: text.optional(),
    reprompts: z.number().int().min(0).max(5).default(2),
    options: z
      .array(
        z.strictObject({
          value: name,
          label: text,
          words: z.array(text).default([]),
          do: branch.optional(),
        }),
      )
      .min(2),
    as: name.optional(),
    on: failures,
  }),
  task: z.strictObject({
    ...common,
    task: name,
    steps: z.array(taskStep).min(1),
    approval: z
      .strictObject({
        /** When a person has to approve; always when left out. */
        if: text.optional(),
        /** For the person. */
        what: text,
        amount: text.optional(),
        /** For the customer, while waiting. */
        sentence: text,
      })
      .optional(),
    on: failures,
  }),
  if: z.strictObject({ id: id.optional(), if: text, do: branch, else: branch.optional() }),
  goto: z.strictObject({
    ...common,
    goto: id,
    /** How often at most; needed on the way back to an earlier step. */
    max: z.number().int().min(1).max(10).optional(),
    /** Where to go after that. */
    else: branch.optional(),
  }),
  handoff: z.strictObject({ ...common, handoff: text, reason: name, summary: text.optional() }),
  remember: z.strictObject({ ...common, remember: name, value: z.unknown(), text: text }),
  offer: z.strictObject({
    ...common,
    offer: id,
    title: text,
    text: text,
    value: z.record(z.string(), z.unknown()).optional(),
  }),
  set: z.strictObject({ ...common, set: z.record(name, text) }),
  clear: z.strictObject({ ...common, clear: z.array(name).min(1) }),
  end: z.strictObject({
    ...common,
    end: z.enum(["resolved", "declined", "failed"]),
    outcome: name.optional(),
  }),
} as const;

export type Verb = keyof typeof stepSchemas;
export const VERBS = Object.keys(stepSchemas) as Verb[];

export const playbookSchema = z.strictObject({
  playbook: id,
  version: z.number().int().min(1),
  title: text,
  description: text,
  /** Intent → what leads to it. */
  intents: z.record(name, z.strictObject({ examples: z.array(text).min(1) })),
  /** Whether only a verified customer gets in. */
  verify: z.boolean(),
  /** Words that mark the part of a long message that this playbook is about. */
  cues: z.array(text).default([]),
  settings: z.record(name, z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).default({}),
  slots: z.record(name, slotSchema).default({}),
  /** Where steps go that do not say themselves: `failed`, `unclear`. */
  on: failures,
  steps: z.array(z.unknown()).min(1),
});
export type RawPlaybook = z.infer<typeof playbookSchema>;

export type Branch = string | readonly Step[];
type Nested<T> = T extends string | unknown[] ? Branch : never;
type WithBranches<S> = {
  [K in keyof S]: K extends "on"
    ? Readonly<Record<string, Branch>>
    : K extends "yes" | "no" | "do" | "else"
      ? Nested<S[K]> | Extract<S[K], undefined>
      : S[K];
};

export type Step = { [V in Verb]: { verb: V } & WithBranches<z.infer<(typeof stepSchemas)[V]>> }[Verb] & {
  /** Where it stands in the document. */
  path: readonly (string | number)[];
};
export type StepOf<V extends Verb> = Extract<Step, { verb: V }>;

export interface PlaybookDef extends Omit<RawPlaybook, "steps" | "on"> {
  readonly steps: readonly Step[];
  readonly on: Readonly<Record<string, Branch>>;
}
