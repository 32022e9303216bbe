/** Effects whose outcome nobody knows: the list, which the orchestrator keeps, and the way to resolve them. */
import { type Address, address } from "../../runtime/address.ts";
import type { Engine } from "../../runtime/engine.ts";
import { newId } from "../../runtime/ids.ts";

export interface Unknown {
  readonly unknownId: string;
  readonly conversation: string;
  readonly taskId: string;
  readonly task: string;
  readonly skill: string;
  /** Idempotency key under which the system was asked. */
  readonly key: string;
  /** `do`: a step; `undo`: what would have taken it back. */
  readonly direction: "do" | "undo";
  readonly code: string;
  /** ms since the epoch. */
  readonly at: number;
}

export const RESOLUTIONS = ["done", "not-done", "retry"] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export class UnknownError extends Error {
  override readonly name = "UnknownError";
}

export class Unknowns {
  constructor(
    private readonly engine: Engine,
    private readonly orchestrator: Address = address("orchestrator", engine.workspace),
  ) {}

  /** Oldest first. */
  async list(): Promise<Unknown[]> {
    const directory = await this.engine.read(this.orchestrator);
    return ((directory?.view.unknowns ?? []) as unknown as Unknown[]).slice();
  }

  /**
   * Says what came of it; the task goes on from there.
   * @throws UnknownError when there is none of this id
   */
  async resolve(
    id: string,
    outcome: Resolution,
    by: Address = address("operator", "desk"),
  ): Promise<Unknown> {
    if (!RESOLUTIONS.includes(outcome)) {
      throw new UnknownError(`${outcome} is not a resolution: use ${RESOLUTIONS.join(", ")}`);
    }
    const unknown = (await this.list()).find((candidate) => candidate.unknownId === id);
    if (!unknown) throw new UnknownError(`no open unknown has the id ${id}: \`unknowns list\` shows them`);
    await this.engine.append({
      id: newId(),
      type: "unknown.resolved",
      from: by,
      to: address("task", unknown.conversation, unknown.taskId),
      data: { unknownId: id, outcome },
    });
    return unknown;
  }
}
