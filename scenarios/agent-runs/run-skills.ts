/** Skills of recorded runs: what was called, as far as the calls say what it is. */
import { z } from "zod";
import type { AnySkill } from "../../actors/skills/skill.ts";
import type { TaskSkill } from "../../actors/task/index.ts";
import type { AgentRun } from "./run-file.ts";

/** Names that say that nothing is changed. */
const READS = /^(?:get|find|list|search|calculate|check|think|look|transfer_to)(?:_|$)/;

/** Skills of a domain's runs by name, `<domain>.<call>`: what each call of it was given is required, what some were is not. */
export function skillsOfRuns(runs: readonly AgentRun[]): Readonly<Record<string, TaskSkill>> {
  const given = new Map<string, { calls: number; inputs: Map<string, number> }>();
  for (const { domain, steps } of runs) {
    for (const step of steps) {
      if (step.kind !== "proposes") continue;
      for (const call of step.calls) {
        const name = `${domain}.${call.name}`;
        const seen = given.get(name) ?? { calls: 0, inputs: new Map<string, number>() };
        seen.calls++;
        for (const input of Object.keys(call.arguments))
          seen.inputs.set(input, (seen.inputs.get(input) ?? 0) + 1);
        given.set(name, seen);
      }
    }
  }
  const names = [...given.keys()].sort();
  return Object.fromEntries(names.map((name) => [name, skillOf(name, given.get(name)!)]));
}

function skillOf(name: string, { calls, inputs }: { calls: number; inputs: Map<string, number> }): TaskSkill {
  const names = [...inputs.keys()].sort();
  return {
    effect: READS.test(name.slice(name.indexOf(".") + 1)) ? "read" : "write",
    honoursKeys: true,
    inputs: {
      required: names.filter((input) => inputs.get(input) === calls),
      optional: names.filter((input) => inputs.get(input) !== calls),
    },
  };
}

/** The same for a data agent, which is not asked for the embedded back office here. */
export function agentSkill(name: string, { effect, inputs }: TaskSkill): AnySkill {
  const { required = [], optional = [] } = inputs ?? {};
  return {
    name,
    description: name,
    effect,
    honoursKeys: true,
    consequential: effect === "write",
    lookup: false,
    failureCodes: [],
    reasons: [],
    input: z.strictObject({
      ...Object.fromEntries(required.map((input) => [input, z.unknown()])),
      ...Object.fromEntries(optional.map((input) => [input, z.unknown().optional()])),
    }),
    run: () => Promise.reject(new Error(`${name} is answered by a recording`)),
  };
}
