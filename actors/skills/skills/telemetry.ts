/** What customers use of what they pay for. */
import { z } from "zod";
import { Refusal } from "../backoffice/index.ts";
import { type AnySkill, read } from "../skill.ts";

/** Share of an allowance from which it counts as nearly used up. */
const NEAR = 0.9;

export const telemetry: readonly AnySkill[] = [
  read({
    name: "telemetry.usage",
    description:
      "What the customer used in a month (the last known unless given) and how near the limits that is.",
    input: z.strictObject({
      customerId: z.string(),
      month: z
        .string()
        .regex(/^\d{4}-\d{2}$/)
        .optional(),
    }),
    reasons: ["no_usage"],
    run: async ({ customerId, month }, { office }) => {
      const all = await office.by("usage", "customerId", customerId);
      const wanted =
        month ??
        all
          .map((u) => u.month)
          .sort()
          .at(-1);
      const metrics = all
        .filter((u) => u.month === wanted)
        .map((u) => {
          const share = u.limit > 0 ? Math.round((u.used / u.limit) * 1000) / 1000 : 0;
          return {
            metric: u.metric,
            used: u.used,
            limit: u.limit,
            ...(u.unit ? { unit: u.unit } : {}),
            share,
            percent: Math.round(share * 100),
          };
        })
        .sort((a, b) => b.share - a.share);
      const highest = metrics[0];
      if (!wanted || !highest) throw new Refusal("not_found", "no_usage", "nothing is known about the use");
      return { month: wanted, metrics, highest, nearLimit: highest.share >= NEAR };
    },
  }),
];
