/** What others may see of a conversation's state. */
import type { Json, JsonObject } from "../../runtime/json.ts";
import type { ConversationContext } from "./context.ts";

export function conversationView({ d }: ConversationContext, value: unknown): JsonObject {
  const { customer, run, handoff } = d;
  return {
    state: String(value),
    customer: {
      verified: customer.verified,
      key: customer.key ?? null,
      name: customer.verified ? (customer.name ?? null) : null,
    },
    slots: { ...d.evidence, expects: run?.expects?.slots ?? [] } as Json,
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
