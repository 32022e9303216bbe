/** The durable actors of a desk, as the host wants them declared. */
import { type Address, address } from "../runtime/address.ts";
import type { ActorDefinition } from "../runtime/host/definition.ts";
import { setup } from "../runtime/host/machine.ts";
import {
  conversationMachine,
  conversationView,
  DIALOG_DEFAULTS,
  type DialogOptions,
  type PlaybookCatalog,
} from "./conversation/index.ts";
import { customerMachine, customerView } from "./customer/index.ts";
import {
  HANDOFF_DEFAULTS,
  type HandoffOptions,
  handoffEnded,
  handoffMachine,
  handoffView,
} from "./handoff/index.ts";
import { DEFAULT_POLICY, orchestratorMachine, orchestratorView, type Policy } from "./orchestrator/index.ts";
import {
  TASK_DEFAULTS,
  type TaskOptions,
  type TaskSettings,
  type TaskSkill,
  taskMachine,
  taskView,
} from "./task/index.ts";

/** Systems whose records belong to a customer: nothing of them is shown or changed before he is verified. */
export const RECORD_SYSTEMS: readonly string[] = ["crm", "orders", "billing", "telemetry"];

/** What the machines are made of besides playbooks and skills, as plain data. */
export interface ActorSettings {
  readonly workspace: string;
  readonly policy?: Policy;
  readonly dialog?: Partial<DialogOptions>;
  readonly task?: Partial<TaskOptions>;
  readonly handoff?: Partial<HandoffOptions>;
  readonly recordSystems?: readonly string[];
  /** Skills that are not in the inventory, by name. */
  readonly otherSkills?: Readonly<Record<string, TaskSkill>>;
}

export interface DeskActors extends ActorSettings {
  readonly playbooks: PlaybookCatalog;
  /** What tasks have to know of skills: the inventory. */
  readonly skills: TaskSettings["skills"];
}

export function orchestratorAddress(workspace: string): Address {
  return address("orchestrator", workspace);
}

export function actorDefinitions(desk: DeskActors): ActorDefinition[] {
  const orchestrator = orchestratorAddress(desk.workspace);
  const { otherSkills = {} } = desk;
  const skills: TaskSettings["skills"] = {
    get: (name) => (Object.hasOwn(otherSkills, name) ? otherSkills[name] : desk.skills.get(name)),
  };
  return [
    {
      kind: "conversation",
      version: 1,
      machine: conversationMachine({
        dialog: { ...DIALOG_DEFAULTS, ...desk.dialog },
        playbooks: desk.playbooks,
        policy: desk.policy ?? DEFAULT_POLICY,
        recordSystems: desk.recordSystems ?? RECORD_SYSTEMS,
        skills,
        orchestrator,
      }),
      view: conversationView,
      closed: (_context, value) => value === "closed",
    },
    {
      kind: "task",
      version: 1,
      machine: taskMachine({
        options: { ...TASK_DEFAULTS, ...desk.task },
        orchestrator,
        skills,
      }),
      view: taskView,
      closed: (_context, value) => value === "finished",
    },
    {
      kind: "handoff",
      version: 1,
      machine: handoffMachine({ options: { ...HANDOFF_DEFAULTS, ...desk.handoff }, orchestrator }),
      view: handoffView,
      closed: handoffEnded,
    },
    { kind: "orchestrator", version: 1, machine: orchestratorMachine(), view: orchestratorView },
    { kind: "customer", version: 1, machine: customerMachine(), view: customerView },
    // What customers see: kept and handed to the live feed, folded by nobody.
    { kind: "channel", version: 1, machine: setup({}).createMachine({}), sink: true },
  ];
}
