/** Opens what the desk knows and can do: back office, encoder, memory, language, model, playbooks; as services and actors. */
import { join } from "node:path";
import type { Logger } from "pino";
import type { ZodError } from "zod";
import { customerRoutes } from "../actors/customer-view/index.ts";
import { dataAgents, type Faults, systemsOf } from "../actors/data/index.ts";
import { faultRoutes } from "../actors/data/routes.ts";
import {
  type ActorSettings,
  actorDefinitions,
  customerKey,
  OWN_SKILLS,
  withCustomerKey,
} from "../actors/index.ts";
import { languageThread } from "../actors/language/index.ts";
import { modelService, recordedModel, toolsOf } from "../actors/model/index.ts";
import { DEFAULT_POLICY } from "../actors/orchestrator/index.ts";
import { loadPlaybooks, type PlaybookSet, playbookDirs } from "../actors/playbooks/index.ts";
import { importRoutes } from "../actors/routes/import.ts";
import type { Opening } from "../actors/routes/index.ts";
import { BackOffice, DEFAULT_SEED, seed } from "../actors/skills/backoffice/index.ts";
import { Inventory } from "../actors/skills/inventory.ts";
import { skillRoutes } from "../actors/skills/routes.ts";
import { defaultEraseList, EraseList } from "../memory/control/erase-list.ts";
import { encoderOptions } from "../memory/encoder/encoder.ts";
import {
  EncoderError,
  type OpenEncoder,
  type OpenReranker,
  openEncoder,
  openReranker,
  openSharedEncoder,
  type SharedEncoder,
} from "../memory/encoder/index.ts";
import { type Memory, memoryRoutes, openMemory } from "../memory/index.ts";
import type { Bus } from "../runtime/bus/index.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { DependencyError, UsageError } from "../runtime/config/errors.ts";
import type { Config } from "../runtime/config/schema.ts";
import type { Engine } from "../runtime/engine.ts";
import type { AnyRoute } from "../runtime/gateway/index.ts";
import type { ActorDefinition } from "../runtime/host/definition.ts";
import type { Service } from "../runtime/host/service.ts";
import type { JsonObject } from "../runtime/json.ts";
import type { KeyRing } from "../runtime/log/sealer.ts";
import { type Assign, assigning } from "../scenarios/experiments/running.ts";
import type { RecordedDesk } from "../scenarios/recording/make.ts";
import { modelCallsIn } from "../scenarios/recording/model-calls.ts";
import { learntDir, SHOP_ARTICLES } from "./shipped.ts";

export interface AgentsOptions {
  readonly config: Config;
  readonly bus: Bus;
  readonly keys: KeyRing;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly faults?: Faults;
  readonly prepare?: (backOffice: BackOffice) => Promise<void>;
  readonly progress?: (text: string) => void;
}

export interface Agents {
  readonly backOffice: BackOffice;
  readonly memory: Memory;
  readonly erasures: EraseList;
  readonly playbooks: PlaybookSet;
  /** Of the experiments that run. */
  readonly assign?: Assign;
  readonly services: readonly Service[];
  readonly definitions: readonly ActorDefinition[];
  /** What `conversation.open` says of the desk on which a conversation begins: model, agent, versions of playbooks. */
  readonly opening: Opening;
  /** What a recording says of the desk that it was made on. */
  readonly recorded: RecordedDesk;
  /** What an operator should know about this start. */
  readonly notes: readonly string[];
  routes(engine: Engine): AnyRoute[];
  close(): Promise<void>;
}

/** Unreadable articles that are named one by one. */
const SHOWN_PROBLEMS = 3;

/** @throws when a part can't be opened; what was opened before it is closed again. */
export async function openAgents(options: AgentsOptions): Promise<Agents> {
  const { config, keys, logger, clock = systemClock, progress } = options;
  const notes: string[] = [];
  const hash = (purpose: string, value: string): string => keys.keyedHash(purpose, value);
  const open: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of open.reverse())
      await end().catch((error) => logger.warn({ error: String(error) }, "close"));
  };
  try {
    const inventory = new Inventory();
    const agent = agentOpening(config, inventory);
    const playbooks = loadPlaybooks(playbookDirs(config.playbooks), inventory);
    const assign = assigning(config, (name, version) => !!playbooks.version(name, version));

    // Its process loads the model while the records are read.
    const encoding = encoderOf(config);
    // That it fails is said where it is waited for.
    encoding.catch(() => {});
    open.push(() =>
      encoding.then(
        (opened) => opened.close(),
        () => {},
      ),
    );

    progress?.("opening the back office");
    const backOffice = await openBackOffice(config, clock, progress);
    open.push(() => backOffice.close());
    await options.prepare?.(backOffice);

    progress?.("loading the encoder");
    const encoder = await encoding;

    const reranker = await rerankerOf(config);
    if (reranker) open.push(() => reranker.close());
    const { rerankCandidates: candidates, rerankMs: withinMs } = config.knowledge;

    const erasures = eraseListOf(config);
    const memory = await openMemory({
      dir: join(config.dataDir, "memory"),
      keys,
      knowledgeDirs: [...(config.knowledge.shipped ? [SHOP_ARTICLES] : []), ...config.knowledge.dirs],
      articles: {
        rescanMs: config.knowledge.rescanMs,
        maxBytes: config.knowledge.maxArticleBytes,
        pdfMs: config.knowledge.pdfMs,
      },
      encoder,
      formerEncoder: (id) => formerEncoder(config, id),
      rerank: reranker && { reranker, candidates, withinMs },
      clock,
      tiers: config.memory,
      retention: config.retention,
      stream: {
        bus: options.bus,
        workspace: config.workspace,
        waitMs: config.memory.waitMs,
        appendMs: config.log.appendTimeoutMs,
        replicas: config.log.replicas,
        warn: (message, details) => logger.warn(details, message),
      },
      notes: erasures,
      progress: (done, all) => progress?.(`reading the articles: ${done} of ${all}`),
    });
    open.push(() => memory.close());
    notes.push(...troubleWith(memory.report.problems));

    progress?.("training the classifier of intents");
    const language = languageThread({
      encoder,
      encoderPort: () => encoder.port(),
      examples: playbooks.examples,
      cacheDir: join(config.dataDir, "cache"),
      shippedDir: learntDir(),
      zone: config.dialog.timeZone,
    });
    const services = [
      language,
      ...memory.services,
      config.model.provider === "recorded"
        ? recordedModel(await modelCallsIn(config.model.recordings))
        : modelService(config.model, toolsOf(inventory)),
      ...dataAgents({
        backOffice,
        inventory,
        clock,
        faults: options.faults,
        systems: systemsOf(config.backoffice.systems),
      }).map((agent) => (agent.name === "crm" ? withCustomerKey(agent, hash) : agent)),
    ];
    const settings = actorSettings(config);
    const definitions = actorDefinitions({ ...settings, playbooks, skills: inventory });
    return {
      recorded: { settings, definitions, digests: { playbooks: playbooks.digest } },
      backOffice,
      memory,
      erasures,
      playbooks,
      assign,
      services,
      definitions,
      opening: {
        ...(config.model.provider === "none" ? { model: false } : {}),
        ...(agent ? { agent } : {}),
        ...(Object.keys(playbooks.versions).length > 0 ? { playbooks: playbooks.versions } : {}),
      },
      notes,
      routes: (engine) => [
        ...memoryRoutes({
          call: (service, operation, input, options) => engine.call(service, operation, input, options),
          customerKey: (id) => customerKey(hash, id),
        }),
        ...skillRoutes({
          inventory,
          ask: (service, operation, input, key) => engine.call(service, operation, input, { key }),
        }),
        ...customerRoutes({
          call: (service, operation, input, options) => engine.call(service, operation, input, options),
          read: (address) => engine.read(address),
          customerKey: (id) => customerKey(hash, id),
          now: () => clock.now(),
          deadlineMs: config.customerView.deadlineMs,
        }),
        ...importRoutes(backOffice),
        ...(options.faults ? faultRoutes(options.faults, inventory.systems()) : []),
      ],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws UsageError for a skill that there is not */
export function agentOpening(
  { agentic, model }: Pick<Config, "agentic" | "model">,
  inventory: Pick<Inventory, "get">,
): JsonObject | undefined {
  const { enabled, skills, ...limits } = agentic;
  const unknown = skills.find((name) => !inventory.get(name));
  if (unknown !== undefined)
    throw new UsageError(
      `agentic.skills: there is no skill ${unknown}: bin/bailiwick skills list names those that there are`,
    );
  if (!enabled) return undefined;
  if (model.provider === "none")
    throw new UsageError("agentic.enabled needs a model: set model.provider, or leave it out");
  return { skills: [...Object.keys(OWN_SKILLS), ...skills], limits };
}

/** What the configuration says of the actors. */
export function actorSettings({
  workspace,
  dialog,
  verification,
  model,
  handoff,
  escalation,
}: Config): ActorSettings {
  return {
    workspace,
    policy: {
      ...DEFAULT_POLICY,
      unsureMessages: dialog.maxClarify,
      verificationFailures: verification.maxAttempts,
      ...escalation,
    },
    dialog: {
      silenceMs: dialog.silenceMs,
      abandonMs: dialog.abandonMs,
      askSatisfaction: dialog.askSatisfaction,
      modelMs: model.timeoutMs,
      digestMs: model.digest ? model.timeoutMs : 0,
    },
    handoff: { acceptMs: handoff.acceptMs },
  };
}

/** Articles that could not be read are left out, which somebody has to know. */
function troubleWith(problems: readonly string[]): string[] {
  const shown = problems.slice(0, SHOWN_PROBLEMS).map((problem) => `article left out: ${problem}`);
  const more = problems.length - shown.length;
  return more > 0 ? [...shown, `${more} more articles were left out: bin/bailiwick status`] : shown;
}

/** Outside of the data directory: it has to outlive it. */
export function eraseListOf({ backup, dataDir, workspace }: Config): EraseList {
  return new EraseList(backup.eraseList ?? defaultEraseList(dataDir), workspace);
}

function encoderOf(config: Config): Promise<SharedEncoder> {
  return loaded(openSharedEncoder(encoderOptions(config.encoder)));
}

/** Undefined when its files are gone, or are others by now. */
async function formerEncoder({ encoder }: Config, id: string): Promise<OpenEncoder | undefined> {
  const [model = ""] = id.split("@");
  try {
    const opened = await openEncoder(encoderOptions({ ...encoder, model }));
    if (opened.id === id) return opened;
    await opened.close();
  } catch (error) {
    if (!(error instanceof EncoderError)) throw error;
  }
  return undefined;
}

async function rerankerOf({ encoder, knowledge: { reranker } }: Config): Promise<OpenReranker | undefined> {
  if (reranker === undefined) return undefined;
  const { modelsDir, model = reranker } = encoderOptions({ ...encoder, model: reranker });
  return loaded(openReranker({ modelsDir, model, threads: encoder.threads }));
}

async function loaded<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    if (!(error instanceof EncoderError)) throw error;
    throw new DependencyError(`${error.message}`);
  }
}

/** @throws UsageError when what is configured would find nobody. */
async function acceptedProofs(office: BackOffice, { verification }: Config): Promise<void> {
  try {
    await office.configure({ verification: verification.accept });
  } catch (error) {
    if ((error as Error).name !== "ZodError") throw error;
    const { path, message } = (error as ZodError).issues[0]!;
    throw new UsageError(`verification.accept: entry ${Number(path[1] ?? 0) + 1} ${message}`);
  }
}

/** The dataset that the desk serves; the shipped company is generated into an empty `main`. */
async function openBackOffice(
  config: Config,
  clock: Clock,
  progress?: (text: string) => void,
): Promise<BackOffice> {
  const { dataset } = config.backoffice;
  const office = await BackOffice.open(join(config.dataDir, "backoffice"), { dataset });
  try {
    const info = await office.info();
    const generated = dataset === "main" && (!info || info.origin === "generated");
    if (!info && generated) {
      progress?.("generating the company");
      await seed(office, { seed: DEFAULT_SEED, now: clock.now() });
    }
    // What was imported brings rules of its own.
    if (generated) await acceptedProofs(office, config);
    else if (!info) {
      const known = (await office.datasets()).join(", ");
      throw new DependencyError(
        `backoffice.dataset is ${dataset}, but nothing was imported under that name (there is ${known || "none"}): run bin/bailiwick import FILE… --into ${dataset}`,
      );
    }
    return office;
  } catch (error) {
    await office.close();
    throw error;
  }
}
