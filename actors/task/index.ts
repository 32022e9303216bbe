/** The task actor: a saga with keys, retries, approval and compensation. */
export { TASK_DEFAULTS, type TaskOptions, type TaskSettings, type TaskSkill } from "./context.ts";
export { taskMachine, taskView } from "./machine.ts";
export { RESOLUTIONS, type Resolution, type Unknown, UnknownError, Unknowns } from "./unknowns.ts";
