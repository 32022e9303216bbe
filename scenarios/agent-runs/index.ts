/** Recorded runs of other agents, through this desk's own actors. */
export { type AgentRunResult, playAgentRun } from "./agent-run.ts";
export { openRunDesk, type RunDesk } from "./run-desk.ts";
export { type AgentRun, readAgentRuns } from "./run-file.ts";
export { skillsOfRuns } from "./run-skills.ts";
