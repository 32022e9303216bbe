/** The inventory of skills: what agents can do, by name. */
import { z } from "zod";
import type { JsonObject } from "../../runtime/json.ts";
import type { AnySkill } from "./skill.ts";
import { billing } from "./skills/billing.ts";
import { catalog } from "./skills/catalog.ts";
import { crm } from "./skills/crm.ts";
import { orderChanges } from "./skills/order-changes.ts";
import { orderItems } from "./skills/order-items.ts";
import { orders } from "./skills/orders.ts";
import { subscriptions } from "./skills/subscriptions.ts";
import { telemetry } from "./skills/telemetry.ts";

export const BUILT_IN_SKILLS: readonly AnySkill[] = [
  ...crm,
  ...orders,
  ...orderChanges,
  ...orderItems,
  ...catalog,
  ...billing,
  ...subscriptions,
  ...telemetry,
];

/** A skill as the compiler of playbooks asks for it. */
export type ListedSkill = AnySkill & {
  readonly inputs: { readonly required: readonly string[]; readonly optional: readonly string[] };
};

export class Inventory {
  readonly #skills = new Map<string, ListedSkill>();

  /** @throws Error when two skills have one name, or one is taken back by a skill that is not there. */
  constructor(skills: readonly AnySkill[] = BUILT_IN_SKILLS) {
    for (const skill of skills) {
      if (!/^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/.test(skill.name)) {
        throw new Error(`skill name ${skill.name} is not valid: use <system>.<operation> in small letters`);
      }
      if (this.#skills.has(skill.name))
        throw new Error(`skill ${skill.name} is declared twice: remove one of the two`);
      this.#skills.set(skill.name, { ...skill, inputs: inputsOf(skill) });
    }
    for (const skill of skills) {
      if (skill.compensatedBy && !this.#skills.has(skill.compensatedBy)) {
        throw new Error(`skill ${skill.name} is taken back by ${skill.compensatedBy}, which is not declared`);
      }
    }
  }

  get(name: string): ListedSkill | undefined {
    return this.#skills.get(name);
  }
  names(): readonly string[] {
    return [...this.#skills.keys()];
  }
  list(): readonly ListedSkill[] {
    return [...this.#skills.values()];
  }
  /** Skills of one system. */
  of(system: string): readonly ListedSkill[] {
    return this.list().filter((s) => systemOf(s.name) === system);
  }
  systems(): readonly string[] {
    return [...new Set(this.names().map(systemOf))];
  }

  /** As shown by `skills list --json`, and as a model is told: with the input as JSON schema. */
  describe(): JsonObject[] {
    return this.list().map((s) => ({
      name: s.name,
      description: s.description,
      effect: s.effect,
      consequential: s.consequential,
      honoursKeys: s.honoursKeys,
      lookup: s.lookup,
      ...(s.compensatedBy ? { compensatedBy: s.compensatedBy } : {}),
      failureCodes: s.failureCodes,
      reasons: s.reasons,
      input: z.toJSONSchema(s.input, { io: "input" }) as JsonObject,
    }));
  }
}

export const systemOf = (skill: string): string => skill.slice(0, skill.indexOf("."));
export const operationOf = (skill: string): string => skill.slice(skill.indexOf(".") + 1);

function inputsOf(skill: AnySkill): ListedSkill["inputs"] {
  const schema = z.toJSONSchema(skill.input, { io: "input" }) as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  const required = schema.required ?? [];
  return {
    required,
    optional: Object.keys(schema.properties ?? {}).filter((name) => !required.includes(name)),
  };
}
