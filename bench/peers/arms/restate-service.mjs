/** The handler of the support graph as a virtual object of Restate: one turn of a conversation after the other, its state kept. */
import "./node20.mjs";
import * as restate from "@restatedev/restate-sdk";
import { classify, lookUp, orderIn, replyTo } from "../../../dist/bench/support-turn.js";

const support = restate.object({
  name: "support",
  handlers: {
    message: async (ctx, text) => {
      const intent = classify(text);
      const order = await ctx.run("look up", () => lookUp(orderIn(text)));
      ctx.set("turns", ((await ctx.get("turns")) ?? 0) + 1);
      ctx.set("intent", intent);
      return replyTo(intent, order);
    },
    turns: restate.handlers.object.shared(async (ctx) => (await ctx.get("turns")) ?? 0),
  },
});

const port = Number(process.argv[2]);
await restate.serve({ services: [support], port });
process.send?.("ready");
