/** What others may see of a conversation's state. */
import type { Json, JsonObject } from "../../runtime/json.ts";
import type { ConversationContext } from "./context.ts";

/** `children` holds the contexts of the playbooks under way, by the ids of their machines. */
export function conversationView(
  { d }: ConversationContext,
  value: unknown,
  children: Readonly<Record<string, { readonly slots?: Readonly<Record<string, unknown>> }>> = {},
): JsonObject {
  const { customer, run, handoff } = d;
  const slots = (run && children[run.child]?.slots) ?? {};
  return {
    state: String(value),
    customer: {
      verified: customer.verified,
      key: customer.key ?? null,
      name: customer.verified ? (customer.name ?? null) : null,
    },
    slots: { ...d.evidence, ...(shown(slots) as JsonObject), expects: run?.expects?.slots ?? [] } as Json,
    playbook: run?.src ?? null,
    parked: d.parked.map((parked) => parked.src),
    pendingTasks: d.tasks.map((task) => ({ id: task.id, name: task.name })),
    pendingApprovals: d.approvals as unknown as Json,
    handoff: handoff ? ({ ...handoff } as unknown as Json) : null,
    outcome: d.outcome ?? null,
    satisfaction: d.satisfaction.score ?? null,
    waiting: d.waiting.length,
    lastTurn: d.turn,
    lastReply: d.history.filter((turn) => turn.role !== "customer").at(-1)?.text ?? null,
  };
}

/** Values of slots; of records, such as an order, the id alone. */
function shown(value: unknown): Json {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return (value ?? null) as Json;
  const { id, itemId } = value as { id?: unknown; itemId?: unknown };
  if (typeof itemId === "string") return itemId;
  if (typeof id === "string") return id;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shown(inner)]));
}
