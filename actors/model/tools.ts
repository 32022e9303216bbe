/** What a model is told of skills. Names of tools have no dots with some servers, so these are written in another way for them. */
import { z } from "zod";
import type { Inventory } from "../skills/inventory.ts";
import type { ToolDefinition } from "./provider.ts";

const DOT = "__";

export function toolName(skill: string): string {
  return skill.replace(".", DOT);
}

export function skillName(tool: string): string {
  return tool.includes(".") ? tool : tool.replace(DOT, ".");
}

const text = { type: "string" };
const OWN: readonly ToolDefinition[] = [
  {
    name: "desk.verify",
    description:
      "Checks who the customer is, by what he has written himself: an order number with e-mail address or postcode, or e-mail address with postcode.",
    parameters: { type: "object", properties: { email: text, postcode: text, order: text, name: text } },
  },
  {
    name: "desk.knowledge",
    description: "What the company's articles say about a question on how things are done.",
    parameters: { type: "object", properties: { question: text }, required: ["question"] },
  },
  {
    name: "desk.handoff",
    description:
      "Passes the conversation on to a person, who reads the summary. Nothing more is said after it.",
    parameters: { type: "object", properties: { summary: text }, required: ["summary"] },
  },
];

/** Definitions of the skills of an inventory, and of what a conversation does itself. */
export function toolsOf(inventory: Pick<Inventory, "get">): (skills: readonly string[]) => ToolDefinition[] {
  return (skills) =>
    skills.flatMap((name) => {
      const own = OWN.find((tool) => tool.name === name);
      const skill = inventory.get(name);
      if (own) return [{ ...own, name: toolName(name) }];
      if (!skill) return [];
      const parameters = z.toJSONSchema(skill.input, { io: "input" }) as Record<string, unknown>;
      return [
        { name: toolName(name), description: skill.description, parameters: withoutCustomer(parameters) },
      ];
    });
}

/** Whose records they are is said by the conversation, not by the model. */
function withoutCustomer(schema: Record<string, unknown>): Record<string, unknown> {
  const { properties, required, ...rest } = schema as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  const { customerId: _, ...others } = properties ?? {};
  return { ...rest, properties: others, required: (required ?? []).filter((name) => name !== "customerId") };
}
