/** What the processes of the bench do. Each is a process of its own, so that its memory and its start are its own too. */
import type { Handlers } from "../harness/remote.ts";

export interface Side {
  readonly handlers: Handlers;
  end(): Promise<void>;
}

export const ROLES = {
  encoder: async (): Promise<Side> => (await import("./encoder-side.ts")).encoderSide(),
  fill: async (): Promise<Side> => (await import("./fill.ts")).fillSide(),
  facts: async (): Promise<Side> => (await import("./facts-side.ts")).factsSide(),
  knowledge: async (): Promise<Side> => (await import("./knowledge-side.ts")).knowledgeSide(),
};

export type Role = keyof typeof ROLES;
