/** The bare state of a conversation for operators and tools: cheap, because the log is not read. */
import { address } from "../../runtime/address.ts";
import type { Engine } from "../../runtime/engine.ts";
import { type AnyRoute, notFound, route } from "../../runtime/gateway/index.ts";

export function stateRoutes(engine: Engine): AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/admin/conversations/:id/state",
      auth: "admin",
      tag: "operations",
      summary: "State of a conversation as its owner sees it, without the transcript",
      handler: async ({ params }) => {
        const id = params.id!;
        const view = /^[A-Za-z0-9_-]{1,128}$/.test(id)
          ? await engine.read(address("conversation", id))
          : undefined;
        if (!view) throw notFound("conversation", id, "`bin/bailiwick status` lists the latest ones.");
        return { body: { conversationId: id, seq: view.seq, view: view.view } };
      },
    }),
  ];
}
