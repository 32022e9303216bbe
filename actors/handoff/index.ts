/** The hand-off actor and what people do with it. */
export { DeskError, HandoffDesk, type HandoffEntry } from "./desk.ts";
export {
  HANDOFF_DEFAULTS,
  type HandoffOptions,
  type HandoffSettings,
  handoffEnded,
  handoffMachine,
  handoffView,
} from "./machine.ts";
