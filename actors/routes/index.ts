/** HTTP routes of the desk's agents. */
import type { Engine } from "../../runtime/engine.ts";
import type { AnyRoute, ConversationTokens } from "../../runtime/gateway/index.ts";
import type { JsonObject } from "../../runtime/json.ts";
import type { HandoffDesk } from "../handoff/index.ts";
import type { Unknowns } from "../task/index.ts";
import { type ConversationRoutesOptions, conversationRoutes } from "./conversations.ts";
import { handoffRoutes } from "./handoffs.ts";
import { type DeadLetterDesk, deadLetterRoutes, unknownsRoutes } from "./operations.ts";
import { statusRoutes } from "./status.ts";
import type { StatusFeed } from "./status-store.ts";
import { traceRoutes } from "./trace.ts";

export type { Opening } from "./conversations.ts";
export type { DeadLetterDesk } from "./operations.ts";
export { followStatus, type LiveStatus, type StatusFeed } from "./status-store.ts";
export { type TraceRow, traceOf } from "./trace.ts";

export interface DeskRoutesOptions {
  readonly engine: Engine;
  readonly tokens: ConversationTokens;
  readonly handoffs: HandoffDesk;
  readonly unknowns: Unknowns;
  readonly deadLetters: DeadLetterDesk & { count(): Promise<number> };
  readonly feed: StatusFeed;
  /** What `conversation.open` says of the desk. Default: nothing. */
  readonly opening?: ConversationRoutesOptions["opening"];
  /** Arms of the experiments that a customer is in. Default: there are none. */
  readonly assign?: ConversationRoutesOptions["assign"];
  /** UTF-8 bytes of one message's text. Default 16 KiB. */
  readonly maxTextBytes?: number;
  /** What else belongs into the status. */
  readonly more?: () => JsonObject;
}

export function deskRoutes(options: DeskRoutesOptions): AnyRoute[] {
  const { engine, tokens, handoffs, unknowns, deadLetters, feed, opening, assign, maxTextBytes, more } =
    options;
  return [
    ...conversationRoutes({ engine, tokens, opening, assign, maxTextBytes }),
    ...handoffRoutes({ desk: handoffs, maxTextBytes }),
    ...traceRoutes(engine),
    ...statusRoutes({
      engine,
      feed,
      counts: async () => ({
        waiting: (await handoffs.list()).filter((h) => h.state === "queued").length,
        unknowns: (await unknowns.list()).length,
      }),
      deadLetters: () => deadLetters.count(),
      more,
    }),
    ...unknownsRoutes(unknowns),
    ...deadLetterRoutes(deadLetters),
  ];
}
