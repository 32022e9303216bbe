/**
 * What people do with hand-offs: list, accept, reply, return, approve. The list of what is open is the orchestrator's,
 * the particulars are each hand-off's own; both are durable, so a restart forgets nothing.
 */
import { type Address, address } from "../../runtime/address.ts";
import type { Engine } from "../../runtime/engine.ts";
import { newId } from "../../runtime/ids.ts";
import type { Json, JsonObject } from "../../runtime/json.ts";
import { PRIORITIES } from "../orchestrator/policy.ts";

/** A hand-off as a person sees it. */
export interface HandoffEntry {
  readonly id: string;
  readonly conversation: string;
  readonly state: string;
  readonly kind: "conversation" | "approval";
  readonly reason: string;
  readonly priority: string;
  readonly summary: string;
  readonly customer: JsonObject;
  /** The latest turns: {role, text}. */
  readonly latest: readonly Json[];
  readonly approval: JsonObject | null;
  /** ms since the epoch. */
  readonly openedAt: number;
  readonly assigned: string | null;
  readonly agent: string | null;
  readonly notes: readonly string[];
  /** E-mail address of a customer who did not want to wait. */
  readonly callback: string | null;
}

/** What cannot be done, in words for the person; `code` is `not_found`, `taken`, `ended`, `wrong_kind` or `empty`. */
export class DeskError extends Error {
  override readonly name = "DeskError";
  constructor(
    readonly code: "not_found" | "taken" | "ended" | "wrong_kind" | "empty",
    message: string,
  ) {
    super(message);
  }
}

export class HandoffDesk {
  constructor(
    private readonly engine: Engine,
    private readonly orchestrator: Address = address("orchestrator", engine.workspace),
  ) {}

  /** What is open: most urgent first, then longest waiting. */
  async list(): Promise<HandoffEntry[]> {
    const directory = await this.engine.read(this.orchestrator);
    const open = (directory?.view.open ?? []) as unknown as { handoffId: string; conversation: string }[];
    const entries = await Promise.all(open.map((entry) => this.read(entry.conversation, entry.handoffId)));
    const rank = (entry: HandoffEntry): number => (PRIORITIES as readonly string[]).indexOf(entry.priority);
    return entries
      .filter((entry) => entry !== undefined && (entry.state === "queued" || entry.state === "accepted"))
      .map((entry) => entry!)
      .sort((a, b) => rank(a) - rank(b) || a.openedAt - b.openedAt);
  }

  /** @throws DeskError `not_found` */
  async get(id: string): Promise<HandoffEntry> {
    // Ids begin with that of their conversation: `<conversation>-h1`, `<conversation>-t1-a`.
    const conversation = /^(.+?)-(?:h\d+|t\d+-a)$/.exec(id)?.[1];
    const entry = conversation ? await this.read(conversation, id) : undefined;
    if (!entry) throw new DeskError("not_found", `no hand-off has the id ${id}`);
    return entry;
  }

  /** Takes a conversation over. @throws DeskError when somebody else has it, or it is over */
  async accept(id: string, agent: string): Promise<HandoffEntry> {
    const entry = await this.open(id, "conversation");
    if (entry.state === "accepted" && entry.agent !== agent) {
      throw new DeskError("taken", `${entry.agent} already answers this customer`);
    }
    if (entry.state === "queued") await this.append(entry, "handoff.accept", { agent: named(agent) });
    return entry;
  }

  /** Writes to the customer. Accepts first when nobody has. */
  async reply(id: string, agent: string, text: string): Promise<void> {
    if (text.trim() === "") throw new DeskError("empty", "the reply has no text");
    const entry = await this.accept(id, agent);
    await this.append(entry, "handoff.reply", { agent, text });
  }

  /** Hands back to the machine, with what it should know and do. */
  async return(
    id: string,
    agent: string,
    note: { summary?: string; instruction?: string } = {},
  ): Promise<void> {
    const entry = await this.accept(id, agent);
    await this.append(entry, "handoff.return", {
      agent,
      summary: note.summary ?? "",
      instruction: note.instruction ?? "",
    });
  }

  /** Ends the conversation. */
  async close(id: string, agent: string): Promise<void> {
    const entry = await this.accept(id, agent);
    await this.append(entry, "handoff.close", { agent });
  }

  /** Decides on an approval. */
  async decide(id: string, agent: string, approve: boolean, note = ""): Promise<void> {
    const entry = await this.open(id, "approval");
    await this.append(entry, approve ? "handoff.approve" : "handoff.decline", { agent: named(agent), note });
  }

  /** Says who is there to take hand-offs; the rotation assigns to them. */
  async available(agent: string, capacity?: number): Promise<void> {
    const data: JsonObject =
      capacity === undefined ? { agent: named(agent) } : { agent: named(agent), capacity };
    await this.engine.append({
      id: newId(),
      type: "agent.available",
      from: personAddress(),
      to: this.orchestrator,
      data,
    });
  }

  async away(agent: string): Promise<void> {
    await this.engine.append({
      id: newId(),
      type: "agent.away",
      from: personAddress(),
      to: this.orchestrator,
      data: { agent: named(agent) },
    });
  }

  private async open(id: string, kind: HandoffEntry["kind"]): Promise<HandoffEntry> {
    const entry = await this.get(id);
    if (entry.kind !== kind) {
      throw new DeskError(
        "wrong_kind",
        entry.kind === "approval"
          ? `${id} is an approval: approve or decline it`
          : `${id} is a conversation: accept it`,
      );
    }
    if (entry.state !== "queued" && entry.state !== "accepted") {
      throw new DeskError("ended", `this hand-off is over (${entry.state})`);
    }
    return entry;
  }

  private async read(conversation: string, id: string): Promise<HandoffEntry | undefined> {
    const actor = await this.engine.read(address("handoff", conversation, id));
    const view = actor?.view as unknown as HandoffEntry | undefined;
    return view && view.state !== "idle" ? view : undefined;
  }

  private async append(entry: HandoffEntry, type: string, data: JsonObject): Promise<void> {
    await this.engine.append({
      id: newId(),
      type,
      from: personAddress(),
      to: address("handoff", entry.conversation, entry.id),
      data,
    });
  }
}

/** People have no actor of their own yet; who it was is in the sealed part. */
const personAddress = (): Address => address("person", "desk");

function named(agent: string): string {
  if (agent.trim() === "") throw new DeskError("empty", "say who you are: the name of the agent is missing");
  return agent;
}
