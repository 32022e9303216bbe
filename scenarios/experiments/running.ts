/** The experiments of a running desk: with which versions of playbooks, model and rules of escalation a customer's conversations begin. */
import { ConfigError } from "../../runtime/config/errors.ts";
import type { EscalationRules } from "../../runtime/config/escalation.ts";
import type { Config } from "../../runtime/config/schema.ts";
import { armOf, HELD_OUT } from "./assignment.ts";

export interface Assigned {
  /** Arm by experiment. */
  readonly arms: Readonly<Record<string, string>>;
  readonly playbooks: Readonly<Record<string, number>>;
  /** Absent: that of the desk. */
  readonly model?: string;
  /** What of the desk's is otherwise. */
  readonly escalation?: EscalationRules;
}

/** @param subject a key of the customer that stays; of the conversation where nobody is known */
export type Assign = (subject: string) => Assigned;

/**
 * Undefined where there is no experiment.
 * @throws ConfigError for a version that is not there, a model where there is none to ask, shares that are none, and what two
 * experiments are about
 */
export function assigning(
  { experiments, model: { provider } }: Pick<Config, "experiments" | "model">,
  isThere: (playbook: string, version: number) => boolean,
): Assign | undefined {
  const names = Object.keys(experiments);
  if (names.length === 0) return undefined;
  const problems: string[] = [];
  /** By what an arm may have otherwise: the experiment that is about it. */
  const about = new Map<string, string>();
  const shared = names.map((name) => {
    const { arms } = experiments[name]!;
    if (arms[HELD_OUT])
      problems.push(
        `experiments.${name}.arms.${HELD_OUT}: that is the name of who is in no arm: choose another`,
      );
    for (const [arm, { playbooks, model, escalation = {} }] of Object.entries(arms)) {
      const mustBeAbout = (what: string): string => {
        const at = `experiments.${name}.arms.${arm}.${what}`;
        const other = about.get(what) ?? name;
        if (other !== name)
          problems.push(
            `${at}: experiment ${other} is about it already: a customer can be in both, and has one of them`,
          );
        about.set(what, other);
        return at;
      };
      if (model !== undefined) {
        const at = mustBeAbout("model");
        if (provider === "none") problems.push(`${at}: there is no model to ask: set model.provider`);
      }
      for (const rule of Object.keys(escalation)) mustBeAbout(`escalation.${rule}`);
      for (const [playbook, version] of Object.entries(playbooks)) {
        const at = mustBeAbout(`playbooks.${playbook}`);
        if (!isThere(playbook, version))
          problems.push(
            `${at}: there is no version ${version} of it: put its file into a folder of playbooks.dirs`,
          );
      }
    }
    const shares = Object.fromEntries(Object.entries(arms).map(([arm, { share }]) => [arm, share]));
    return { name, arms: shares };
  });
  for (const { name, arms } of shared)
    if (Object.values(arms).reduce((sum, share) => sum + share, 0) > 1 + 1e-9)
      problems.push(`experiments.${name}.arms: their shares are more than 1 together`);
  if (problems.length > 0) throw new ConfigError(problems);
  return (subject) => {
    const arms: Record<string, string> = {};
    const playbooks: Record<string, number> = {};
    const escalation: EscalationRules = {};
    let model: string | undefined;
    for (const experiment of shared) {
      const arm = armOf(experiment, subject);
      arms[experiment.name] = arm;
      const chosen = experiments[experiment.name]!.arms[arm];
      Object.assign(playbooks, chosen?.playbooks);
      Object.assign(escalation, chosen?.escalation);
      model ??= chosen?.model;
    }
    return {
      arms,
      playbooks,
      ...(model === undefined ? {} : { model }),
      ...(Object.keys(escalation).length > 0 ? { escalation } : {}),
    };
  };
}
