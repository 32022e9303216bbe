/** What recorded runs are played on: conversation, tasks and the agents of model and data, over a log in memory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataAgent } from "../../actors/data/agent.ts";
import type { Connector } from "../../actors/data/connector.ts";
import { type ActorSettings, actorDefinitions, RECORD_SYSTEMS } from "../../actors/index.ts";
import { modelAgent, recordedProvider } from "../../actors/model/index.ts";
import { DEFAULT_POLICY } from "../../actors/orchestrator/index.ts";
import type { TaskSkill } from "../../actors/task/index.ts";
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import { type AskRequest, Dispatcher } from "../../runtime/host/dispatcher.ts";
import type { Service } from "../../runtime/host/service.ts";
import { type ServiceAnswer, ServiceHost } from "../../runtime/host/service-host.ts";
import { HeldLog, ReplayHost } from "../../runtime/replay/index.ts";
import type { AgentRun, RunCall } from "./run-file.ts";
import { agentSkill } from "./run-skills.ts";

export interface RunDesk {
  readonly log: HeldLog;
  readonly host: ReplayHost;
  readonly settings: ActorSettings;
  readonly definitions: readonly ActorDefinition[];
  /** `<service>.<operation>` of asks whose answer is not in the log yet, by id, in the order in which they were made. */
  readonly open: Map<string, string>;
  /** From now on model and data are those of this run. */
  load(run: AgentRun): Promise<void>;
  close(): Promise<void>;
}

const SECRET = Buffer.from("bailiwick agent runs");
/** Nobody is looked for who does not serve here. */
const LOOK_FOR_MS = 0;
/** A model's limits were its own; here they are such that no output of a recording meets them. */
const MODEL = { model: "recorded", timeoutMs: 60_000, concurrency: 1 };

/** @param skills of one domain */
export async function openRunDesk(
  domain: string,
  skills: Readonly<Record<string, TaskSkill>>,
): Promise<RunDesk> {
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-runs-"));
  const settings: ActorSettings = {
    workspace: `runs-${domain}`.replaceAll("_", "-"),
    // It went as it was recorded: no rule of this desk takes a conversation from the agent.
    policy: { ...DEFAULT_POLICY, topics: [] },
    dialog: { digestMs: 0, askSatisfaction: false },
    recordSystems: RECORD_SYSTEMS.filter((system) => system !== domain),
    otherSkills: skills,
  };
  const definitions = actorDefinitions({
    ...settings,
    playbooks: { machines: {}, forIntent: () => undefined },
    skills: { get: () => undefined },
  });
  const log = new HeldLog({ workspace: settings.workspace, secret: SECRET });
  let dispatcher: Dispatcher | undefined;
  let services: ServiceHost | undefined;
  const open: RunDesk["open"] = new Map();
  const noted = {
    isRepeatable: (service: string, operation: string) => dispatcher!.isRepeatable(service, operation),
    ask: (request: AskRequest): Promise<ServiceAnswer> => {
      open.set(request.id ?? request.key, `${request.service}.${request.operation}`);
      return dispatcher!.ask(request);
    },
  };
  const host = await ReplayHost.open({ dir: join(dir, "stores"), log, definitions, dispatcher: noted });
  return {
    log,
    host,
    settings,
    definitions,
    open,
    load: async (run) => {
      // Who still waits for an output that the run before did not have, is told that there is none.
      await services?.stop(0);
      services = new ServiceHost(log.bus, agentsOf(run, skills), { subject: log.names.serviceAll });
      await services.start();
      dispatcher = new Dispatcher(log.bus, {
        subject: log.names.service,
        clock: host.clock,
        local: services,
        lookForMs: LOOK_FOR_MS,
      });
      open.clear();
      log.held.clear();
    },
    close: async () => {
      await host.close();
      await services?.stop(0);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Model and data, as they were in a run. */
function agentsOf({ domain, steps }: AgentRun, skills: Readonly<Record<string, TaskSkill>>): Service[] {
  const outputs = steps.flatMap((step) => (step.kind === "proposes" ? [step] : []));
  const said = outputs.map(({ text, calls }) => ({
    text,
    toolCalls: calls.map(({ name, arguments: given }) => ({ name: `${domain}.${name}`, arguments: given })),
  }));
  const results = outputs.flatMap(({ calls }) => calls.map(({ result }) => result));
  return [
    modelAgent(recordedProvider(said), MODEL),
    dataAgent(
      domain,
      Object.entries(skills).map(([name, skill]) => agentSkill(name, skill)),
      recordedConnector(results),
      undefined,
    ),
  ];
}

/** Results by position: what is asked for under a key that was not seen yet gets the next one. */
function recordedConnector(results: readonly RunCall["result"][]): Connector {
  const left = [...results];
  const byKey = new Map<string, RunCall["result"]>();
  return {
    kind: "recorded",
    honoursKeys: true,
    execute: async (_skill, _input, { key }) => {
      const result = byKey.get(key) ?? left.shift();
      if (!result) throw new Error("the recording has no further result");
      byKey.set(key, result);
      return { value: { ...result } };
    },
  };
}
