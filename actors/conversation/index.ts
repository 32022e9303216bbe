/** The conversation actor: dialogue, verification, answers, hand-off. */
export type { Conversation, Outcome, Phase } from "./context.ts";
export { conversationMachine } from "./machine.ts";
export { DIALOG_DEFAULTS, type DialogOptions, type PlaybookCatalog, type PlaybookEntry } from "./options.ts";
export { AGENT_LIMITS, type AgentLimits, OWN_SKILLS } from "./proposal.ts";
export type { DialogSettings } from "./step.ts";
export { conversationView } from "./view.ts";
