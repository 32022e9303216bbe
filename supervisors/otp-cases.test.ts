/**
 * The cases of the suite that Erlang/OTP has for its own supervisor. Each is held here by a test in our words whose title
 * begins with the case's name, or it means nothing here, for a reason that is given.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const CASES = {
  tested: [
    // Start
    "sup_start_normal",
    "sup_start_ignore_init",
    "sup_start_ignore_child",
    "sup_start_ignore_temporary_child",
    "sup_start_ignore_temporary_child_start_child",
    "sup_start_ignore_temporary_child_start_child_simple",
    "sup_start_ignore_permanent_child_start_child_simple",
    "sup_start_error_return",
    "sup_start_fail",
    "sup_start_map",
    "sup_start_map_faulty_specs",
    "child_specs",
    "sup_flags",
    // Stop
    "sup_stop_infinity",
    "sup_stop_timeout",
    "sup_stop_brutal_kill",
    // Ends of children
    "permanent_normal",
    "transient_normal",
    "temporary_normal",
    "permanent_shutdown",
    "transient_shutdown",
    "temporary_shutdown",
    "faulty_application_shutdown",
    "permanent_abnormal",
    "transient_abnormal",
    "temporary_abnormal",
    "temporary_bystander",
    "do_not_save_child_specs_for_temporary_children",
    "do_not_save_start_parameters_for_temporary_children",
    // Strategies
    "one_for_one",
    "one_for_one_escalation",
    "one_for_all",
    "one_for_all_escalation",
    "one_for_all_other_child_fails_restart",
    "rest_for_one",
    "rest_for_one_escalation",
    "rest_for_one_other_child_fails_restart",
    "simple_one_for_one",
    "simple_one_for_one_shutdown",
    "simple_one_for_one_extra",
    "simple_one_for_one_escalation",
    "simple_one_for_one_scale_many_temporary_children",
    "multiple_restarts",
    "tree",
    // Administration
    "child_adm",
    "child_adm_simple",
    "extra_return",
    "count_children",
    "child_unlink",
    "hanging_restart_loop",
    "hanging_restart_loop_simple",
    // Specs that change
    "code_change",
    "code_change_map",
    "code_change_simple",
    "code_change_simple_map",
  ],
  notApplicable: {
    simple_global_supervisor:
      "It is about children and supervisors registered by a global name. Here none has a name outside of its " +
      "supervisor; what is asked for across nodes is found by its subject on the bus. The restarts that it looks at " +
      "are those of tree, permanent_abnormal, permanent_normal and child_adm.",
  },
};

/** Titles of all tests of this room that begin with a name. */
function tests(): string[] {
  const here = new URL("./", import.meta.url);
  const files = readdirSync(here).filter((name) => name.endsWith(".test.ts"));
  const texts = files.map((name) => readFileSync(new URL(name, here), "utf8"));
  return texts.flatMap((text) => [...text.matchAll(/^\s*it\(\s*"([a-z_]+): /gm)].map((match) => match[1]!));
}

it("every case of OTP's suite is either held by one test or excused", () => {
  const { tested, notApplicable } = CASES;
  const names = [...tested, ...Object.keys(notApplicable)];
  expect(names).toHaveLength(56);
  expect(new Set(names).size).toBe(56);
  expect(tests().sort()).toEqual([...tested].sort());
  for (const reason of Object.values(notApplicable)) expect(reason.length).toBeGreaterThan(40);
});
