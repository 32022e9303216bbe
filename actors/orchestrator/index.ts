/** Routing: escalation rules, the directory of what is open for people, and who gets it. */
export { orchestratorMachine, orchestratorView } from "./machine.ts";
export {
  DEFAULT_POLICY,
  type Policy,
  PRIORITIES,
} from "./policy.ts";
