/**
 * What a command gets. Rooms export their commands as
 *
 *     export const commands: Contributor = (program, env) => {
 *       program
 *         .command("status")
 *         .description("nodes, partitions, actors, queues, breakers")
 *         .action(async () => {
 *           const status = await env.client().get("/v1/admin/status");
 *           env.out(status, () => renderStatus(status, env.colors));
 *         });
 *     };
 *
 * The file is loaded by every call of `bin/bailiwick`: import heavy things inside the action.
 * An action that ran and found failures calls `env.fail()` (exit code 1); wrong input is a thrown `UsageError` (2), a
 * missing dependency a thrown `DependencyError` (3).
 */
import type { Command } from "commander";
import type { LoadedConfig } from "./load.ts";
import type { Config } from "./schema.ts";

export interface ClientRequest {
  readonly signal?: AbortSignal;
  /** Default 30,000 ms. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One server-sent event. */
export interface ServerEvent {
  readonly id?: string;
  readonly event: string;
  /** Parsed JSON. */
  readonly data: unknown;
}

/**
 * The running node's HTTP API with the admin token.
 *
 * Every call throws `DependencyError` when no node runs (with the command that starts it) and `ClientError` when the
 * node refuses.
 */
export interface AdminClient {
  readonly url: string;
  get<T = unknown>(path: string, request?: ClientRequest): Promise<T>;
  post<T = unknown>(path: string, body?: unknown, request?: ClientRequest): Promise<T>;
  delete<T = unknown>(path: string, request?: ClientRequest): Promise<T>;
  /** What the node answers to a POST, as bytes that come as they are made. No time-out. */
  download(
    path: string,
    body?: unknown,
    request?: { readonly signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;
  /** Server-sent events until the server ends, the signal aborts or the caller breaks off. No time-out. */
  stream(
    path: string,
    request?: { readonly signal?: AbortSignal; readonly lastEventId?: string },
  ): AsyncIterable<ServerEvent>;
}

/** Colours, plain text where the output is no terminal. */
export interface Colors {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  blue(text: string): string;
  cyan(text: string): string;
}

export interface Progress {
  /** `done` of `all`, or a sentence about what is going on. */
  update(text: string, done?: number, all?: number): void;
  /** Ends the line; with a text, leaves it. */
  end(text?: string): void;
}

export interface CliEnv {
  /** `--json` was given: one JSON document on stdout, nothing else. */
  readonly json: boolean;
  /** Of stdout. */
  readonly colors: Colors;
  /** The effective configuration, loaded at the first call. @throws ConfigError */
  config(): Config;
  /** The same with the place of each setting. */
  loaded(): LoadedConfig;
  /** Takes settings from a command's own flags, by dotted path: `{ "gateway.port": 80 }`. Call it before `config()`. */
  override(flags: Readonly<Record<string, unknown>>, names?: Readonly<Record<string, string>>): void;
  /** Data directory as flags, environment and file decide it; absolute. */
  dataDir(): string;
  /**
   * Writes the result to stdout: under `--json` the value as one JSON document, else the text (or the value, when there
   * is no text).
   */
  out(value: unknown, text?: string | (() => string)): void;
  /** A line to stderr. */
  err(line: string): void;
  /** One line on stderr that is written over; silent under `--json` and where stderr is no terminal. */
  progress(title: string): Progress;
  /** The running node of the data directory, or of `attach` with `token`. */
  client(attach?: { readonly url: string; readonly token?: string }): AdminClient;
  /** The command ran and found failures: exit code 1 (or another) at its end. */
  fail(code?: number): void;
  /** Aborted by Ctrl-C and SIGTERM once a command has asked for it; until then they end the process. */
  signal(): AbortSignal;
}

/** How a room contributes commands. */
export type Contributor = (program: Command, env: CliEnv) => void;
