/**
 * The schema of `bailiwick.yaml`: every setting with its meaning, unit and default.
 *
 * Names: durations end in `Ms`, sizes in `Bytes`. A room that wants a setting adds it to its section here, so that
 * one file shows all there is. `.meta({ secret: true })` masks a value when it is printed and allows `…_FILE` in the
 * environment; `.meta({ path: true })` makes a path of the file relative to the file.
 */
import { z } from "zod";
import { escalationRules } from "./escalation.ts";

/** Names of workspaces travel in NATS subjects and stream names. */
export const WORKSPACE_NAME = /^[A-Za-z0-9_-]{1,32}$/;

/** Names of experiments and of their arms. */
const EXPERIMENT_NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/;

const ms = (value: number) => z.number().int().min(0).max(2_147_483_647).default(value);
const bytes = (value: number) => z.number().int().min(1).default(value);
const count = (value: number) => z.number().int().min(1).default(value);
const path = () => z.string().min(1).meta({ path: true });
const secret = () => z.string().min(1).optional().meta({ secret: true });
const section = <T extends z.core.$ZodLooseShape>(shape: T) => z.strictObject(shape).prefault({} as never);
const bucket = (burst: number, perSecond: number) =>
  section({
    /** Requests that may come at once. */
    burst: count(burst),
    /** Requests a second in the long run. */
    perSecond: z.number().positive().default(perSecond),
  });

const ownSystem = () =>
  section({
    url: z.url({ protocol: /^https?$/ }).optional(),
    /** Sent as a bearer token. */
    token: secret(),
    /** The system applies one `Idempotency-Key` once. */
    honoursKeys: z.boolean().default(false),
    /** The system can be asked what came of a key. */
    lookup: z.boolean().default(false),
  });

export const configSchema = z.strictObject({
  /** The tenant that this node serves. */
  workspace: z.string().regex(WORKSPACE_NAME, '1 to 32 letters, digits, "_" or "-"').default("main"),

  /** Everything that the desk keeps. In the file, relative to the file; elsewhere, relative to the working directory. */
  dataDir: path().default("./.bailiwick"),

  gateway: section({
    host: z.string().min(1).default("127.0.0.1"),
    /** 0 takes any free port. */
    port: z.number().int().min(0).max(65_535).default(7420),
    /** `open`: a customer is identified, not verified; on loopback only. `token`: the company's site signs tokens. */
    customerAuth: z.enum(["open", "token"]).default("open"),
    /** Shared with the company's site, which signs customer tokens (HS256) with it. At least 32 characters. */
    customerSecret: z.string().min(32).optional().meta({ secret: true }),
    /** UTF-8 bytes of one message's text. */
    maxMessageBytes: bytes(16_384),
    /** Names by which the desk is reached besides localhost and plain addresses. */
    allowedHosts: z.array(z.string().min(1)).default([]),
    /** Origins (`https://shop.example`) whose pages may call the desk. */
    allowedOrigins: z.array(z.string().min(1)).default([]),
    /** Requests that are let through, by who makes them. */
    limits: section({
      customer: bucket(120, 20),
      conversation: bucket(60, 10),
      address: bucket(300, 50),
      admin: bucket(5_000, 1_000),
    }),
  }),

  nats: section({
    /** An outside server or cluster with JetStream (`nats://host:4222`, several with commas); without it the desk runs its own. */
    url: z.string().min(1).optional(),
    user: z.string().min(1).optional(),
    password: secret(),
    token: secret(),
    /** Path of the nats-server to run; found by set-up when not given. */
    server: path().optional(),
    /** How long to wait for the server at start. */
    startTimeoutMs: ms(10_000),
    /** How long a request over the bus waits for its answer, where nothing more particular says otherwise. */
    requestTimeoutMs: ms(2_000),
    /** Disk that the embedded server may use for streams; unlimited when not given. */
    maxStoreBytes: z.number().int().min(1).optional(),
  }),

  log: section({
    /** Fixed once the log exists: it decides where every actor lives. */
    partitions: z.number().int().min(1).max(1_024).default(32),
    /** Copies of the stream in a NATS cluster. */
    replicas: z.number().int().min(1).max(5).default(1),
    /** Records read ahead of what has been folded, for each partition. */
    credit: count(256),
    /** How long one append may take before it is tried again. */
    appendTimeoutMs: ms(5_000),
    /** A record's body above it is stored apart from the log, once for each data subject and content. */
    inlineBodyBytes: bytes(65_536),
    /** A record's body above it is refused (413). The server's `max_payload`, 1 MiB unless set otherwise, counts where it is less. */
    maxBodyBytes: bytes(1_000_000),
  }),

  /** Nodes with the same `nats.url` and workspace share its conversations out. */
  cluster: section({
    /** Name of this node, another one for each. By default it is made of the machine's name and an id in the data directory. */
    node: z
      .string()
      .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'letters, digits, "_" and "-", with "." between them')
      .max(100)
      .optional(),
    /**
     * A node that is not heard of for so long has lost its conversations to the others. 3,000 unless given; 12,000 where the
     * log has copies, since a cluster of servers needs up to nine seconds for a new leader.
     */
    ttlMs: z.number().int().min(500).max(600_000).optional(),
    /** How often a node writes down for the others from where to go on. Less often, and a take-over has more to read. */
    leaveEveryMs: z.number().int().min(100).max(600_000).default(2_000),
  }),

  host: section({
    /** An actor without work for so long leaves memory; its snapshot stays. */
    passivateAfterMs: ms(60_000),
    /** Snapshots and positions are written in batches, at the latest after this time. */
    snapshotEveryMs: ms(500),
    /** Actors in memory; the least used leave first. */
    maxHotActors: count(20_000),
    /** Records of one actor that may wait before customers are told to slow down (429). */
    maxBehind: count(100),
    /** How often a record may crash its actor before it is quarantined. */
    maxAttempts: count(3),
    /** Deadline for an orderly stop. */
    drainMs: ms(10_000),
    /** One of so many actors that leave memory is folded again from the log in the background and compared; 0 for none. */
    verifyEvery: z.number().int().min(0).default(50),
  }),

  model: section({
    /**
     * `none` runs without a model; `ollama` over its own API; `openai` is any OpenAI-compatible endpoint; `recorded` says what models
     * said in recordings.
     */
    provider: z.enum(["none", "ollama", "openai", "recorded"]).default("none"),
    /** Files and folders of recordings, for `recorded`. */
    recordings: z.array(path()).default([]),
    url: z.string().min(1).optional(),
    /** Name of the model as the provider knows it. */
    model: z.string().min(1).optional(),
    /** Smaller model that is tried when the first is too slow or down. */
    fallbackModel: z.string().min(1).optional(),
    apiKey: secret(),
    /** Budget of one call. */
    timeoutMs: ms(8_000),
    /** Tokens that one answer may have. */
    maxTokens: count(400),
    temperature: z.number().min(0).max(2).default(0.2),
    /** Calls under way at once. */
    concurrency: count(2),
    /** Whether it sums up conversations that have ended, and looks for lasting wishes in them. */
    digest: z.boolean().default(true),
  }),

  /** Conversations that the model leads: it proposes what is said and done, and the desk checks and carries it out. */
  agentic: section({
    /** Those that are opened from now on, where there is a model; playbooks lead only while it does not answer. */
    enabled: z.boolean().default(false),
    /** Skills that it may ask for besides the desk's own; `bin/bailiwick skills list` names them. */
    skills: z.array(z.string().min(1)).default([]),
    /** Proposals in one turn; then a person takes over. */
    steps: count(12),
    /** Calls in one proposal; those beyond are refused. */
    calls: count(8),
    /** How long one turn may take; then a person takes over. */
    turnMs: ms(120_000),
    /** How long one proposal may take; the model's own budget counts as well. */
    proposeMs: ms(20_000),
    /** Characters of a reply. */
    replyChars: count(8_000),
    /** Bytes of a call's arguments as JSON. */
    argumentBytes: bytes(16_384),
    /** Characters of a result that the model is shown. */
    resultChars: count(8_000),
    /** What is said has to be held by what skills have answered. */
    grounded: z.boolean().default(true),
    /** Characters of a conversation that the model is shown; of a longer one the latest half. */
    threadChars: count(48_000),
  }),

  encoder: section({
    /** Folder name under `path`, or an absolute path. `use-lite-en` is built in. */
    model: z.string().min(1).default("use-lite-en"),
    /** Folder of encoder models; `<cache>/models` when not given. */
    path: path().optional(),
    /** Threads of one forward pass. */
    threads: count(1),
  }),

  memory: section({
    /** A conversation in which nothing was said for so long is kept compressed: it is found as before, but slower. */
    warmMs: z
      .number()
      .int()
      .min(1)
      .default(90 * 24 * 3_600_000),
    /** Conversations that are not compressed, at most; beyond, those in which nothing was said for longest are. */
    warmConversations: count(100_000),
    /** What customers said that is kept at hand in memory, bytes. */
    hotBytes: count(64 * 1024 * 1024),
    /** A reader of memory waits so long for this node's copy to have what it asks for; then it is told what may be old. */
    waitMs: ms(500),
  }),

  knowledge: section({
    /** Folders of articles (Markdown, HTML, PDF, plain text) to read besides the shipped ones. */
    dirs: z.array(path()).default([]),
    /** The folders are looked at this often for what was written, came or went; 0 for never. */
    rescanMs: ms(10_000),
    /** Larger files are no articles. */
    maxArticleBytes: bytes(8 * 1024 * 1024),
    /** Reading one PDF may take so long. */
    pdfMs: ms(20_000),
    /** A cross-encoder that ranks once more what was found: folder name or absolute path, as `encoder.model`; none by default. */
    reranker: z.string().min(1).optional(),
    /** Passages that it ranks. */
    rerankCandidates: count(20),
    /** What that may take; then what was found stays in its order. */
    rerankMs: ms(300),
    /** Whether the articles of the shipped company are read. */
    shipped: z.boolean().default(true),
  }),

  playbooks: section({
    /** Folders of playbooks (YAML) to read besides the shipped ones; one of the same name replaces the shipped one. */
    dirs: z.array(path()).default([]),
    shipped: z.boolean().default(true),
  }),

  /**
   * What is tried out with customers, by name: `{refund-wording: {arms: {new: {share: 0.5, playbooks: {return-refund: 2}}}}}`.
   * Whoever is in no arm has the playbooks in their newest versions.
   */
  experiments: z
    .record(
      z.string().regex(EXPERIMENT_NAME),
      z.strictObject({
        arms: z.record(
          z.string().regex(EXPERIMENT_NAME),
          z.strictObject({
            /** Of all customers, 0 … 1. */
            share: z.number().min(0).max(1),
            /** Versions that their conversations begin with. */
            playbooks: z.record(z.string().min(1), z.number().int().min(1)).default({}),
            /** Name of the model that their conversations ask, as the provider knows it; `model.model` where there is none. */
            model: z.string().min(1).optional(),
            /** What of `escalation` is otherwise for them. */
            escalation: escalationRules.optional(),
          }),
        ),
      }),
    )
    .default({}),

  backoffice: section({
    /** Dataset of the embedded back office that the desk serves; `import --into NAME` fills others. */
    dataset: z.string().regex(WORKSPACE_NAME).default("main"),
    /**
     * Systems of the company's own, asked over HTTP instead of the embedded back office where they have a url;
     * docs/skills.md says what they are sent.
     */
    systems: section({
      crm: ownSystem(),
      orders: ownSystem(),
      catalog: ownSystem(),
      billing: ownSystem(),
      telemetry: ownSystem(),
    }),
  }),

  /** `GET /v1/customers/:id` and `customer show`: all that is known of a customer. */
  customerView: section({
    /** For all systems together: what has not come by then is named as missing. Less than a system needs counts against its health. */
    deadlineMs: z.number().int().min(250).max(20_000).default(2_000),
  }),

  verification: section({
    /** Each entry is a set of proofs that is enough together: of order, email, postcode, name. */
    accept: z
      .array(z.array(z.enum(["order", "email", "postcode", "name"])).min(1))
      .min(1)
      .default([
        ["order", "email"],
        ["order", "postcode"],
        ["email", "postcode"],
      ]),
    /** Failed attempts in one conversation before a person takes over. */
    maxAttempts: count(3),
  }),

  /** When a person is asked, and when one takes over: `runtime/config/escalation.ts` has the settings, docs/escalation.md what they do. */
  escalation: section(escalationRules.shape),

  dialog: section({
    /** A customer who is silent for so long is asked whether they are still there. */
    silenceMs: ms(10 * 60_000),
    /** After the question, this long until the conversation is closed as abandoned. */
    abandonMs: ms(10 * 60_000),
    /** How often in a row the desk may fail to understand before a person takes over. */
    maxClarify: count(2),
    /** Time zone in which dates are said and understood. */
    timeZone: z.string().min(1).default("UTC"),
    /** Ask for satisfaction at the end, once. */
    askSatisfaction: z.boolean().default(true),
  }),

  handoff: section({
    /** How long a person has to accept before the queue is told again. */
    acceptMs: ms(5 * 60_000),
  }),

  retention: section({
    /** What was said is deleted from memory so long after the last word of its conversation; unset: kept until it is erased. */
    saidMs: z.number().int().min(1_000).optional(),
    /** By type of fact, such as `note: 31536000000`: how long one is kept that does not say so itself. */
    factsMs: z.record(z.string().regex(/^[a-z][a-z0-9_.-]{0,63}$/), z.number().int().min(1_000)).default({}),
    /** A conversation that stays open longer gets a new checkpoint at the head of the log. */
    tailMs: ms(7 * 24 * 3_600_000),
    /**
     * Every record stays in the log for so long; after it, until nobody needs it any more. What was closed for longer can't be
     * read or written to, its transcript included. Unset: nothing leaves the log. At least a day.
     */
    logMs: z
      .number()
      .int()
      .min(24 * 3_600_000)
      .optional(),
  }),

  backup: section({
    /**
     * List of who was erased, which has to outlive the data directory and every backup: a restore erases them again. By default
     * it lies beside the data directory, `<data-dir>-erased.jsonl`.
     */
    eraseList: path().optional(),
  }),

  watchdog: section({
    enabled: z.boolean().default(true),
    /** The runtime is killed and started again when its event loop stands still for so long. */
    stallMs: z.number().int().min(500).default(5_000),
  }),

  telemetry: section({
    level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
    /** One file of diagnostic log under the data directory, before it is rotated. */
    maxLogBytes: bytes(10 * 1024 * 1024),
    /** Rotated files that are kept. */
    keepLogs: count(5),
  }),
});

/** The effective configuration: every default filled in, `dataDir` absolute. */
export type Config = z.output<typeof configSchema>;
/** What a file or a caller may give. */
export type ConfigInput = z.input<typeof configSchema>;
