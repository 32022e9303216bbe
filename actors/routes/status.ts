/** `GET /v1/admin/status`: what an operator looks at first. */
import type { Engine } from "../../runtime/engine.ts";
import { type AnyRoute, route } from "../../runtime/gateway/index.ts";
import type { JsonObject } from "../../runtime/json.ts";
import type { StatusFeed } from "./status-store.ts";

export interface StatusRoutesOptions {
  readonly engine: Engine;
  readonly feed: StatusFeed;
  /** Entries of the hand-off queue that wait for a person, and effects whose outcome nobody knows. */
  readonly counts: () => Promise<{ readonly waiting: number; readonly unknowns: number }>;
  readonly deadLetters: () => Promise<number>;
  /** What else belongs into the status: versions, the model in use, supervision. */
  readonly more?: () => JsonObject;
}

export function statusRoutes(options: StatusRoutesOptions): AnyRoute[] {
  const { engine, feed } = options;
  return [
    route({
      method: "GET",
      path: "/v1/admin/status",
      auth: "admin",
      tag: "operations",
      summary: "The node, its conversations, queues and services",
      handler: async () => {
        const live = feed.store.getSnapshot().context;
        const { services = {}, ...node } = engine.status() as { services?: JsonObject };
        const [counts, deadLetters] = await Promise.all([options.counts(), options.deadLetters()]);
        const open = Object.values(live.byState).reduce((sum, n) => sum + n, 0);
        return {
          body: {
            workspace: engine.workspace,
            since: new Date(live.since).toISOString(),
            conversations: { open, byState: live.byState, opened: live.opened },
            messages: live.messages,
            replies: live.replies,
            repliesPerSecond: feed.repliesPerSecond(),
            outcomes: live.outcomes,
            handoffs: { ...live.handoffs, ...counts },
            quarantined: live.quarantined,
            deadLetters,
            services,
            node,
            latest: live.latest.map((l) => ({ id: l.id, at: new Date(l.at).toISOString() })),
            ...options.more?.(),
          },
        };
      },
    }),
  ];
}
