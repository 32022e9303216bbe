/**
 * Diagnostic log: JSON lines in rotating files under `<data-dir>/logs`, nothing on stdout. Every line carries the
 * correlation of what it was written for; personal data and secrets are kept out by `redact.ts`.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { join } from "node:path";
import { type Logger, type LoggerOptions, pino } from "pino";
import { maskText, redact } from "./redact.ts";
import { RotatingFile } from "./rotating-file.ts";

export type { Logger } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface LogOptions {
  /** Folder of the files. */
  readonly dir: string;
  /** The file is `<name>.log`. Default `bailiwick`. */
  readonly name?: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Bytes. Default 10 MiB. */
  readonly maxBytes?: number;
  /** Old files kept. Default 5. */
  readonly keep?: number;
  /** On every line, e.g. node and workspace. */
  readonly base?: Readonly<Record<string, string>>;
}

export interface ProcessLog {
  readonly logger: Logger;
  readonly file: string;
  flush(): Promise<void>;
  /** For the last moment of a process that cannot wait. */
  flushSync(): void;
  close(): Promise<void>;
}

/** What a line belongs to. Ids only. */
export interface Correlation {
  readonly correlation?: string;
  readonly conversation?: string;
  readonly traceparent?: string;
}

const correlations = new AsyncLocalStorage<Correlation>();

/** Everything logged within `run`, also later and asynchronously, carries the correlation. */
export function withCorrelation<T>(correlation: Correlation, run: () => T): T {
  return correlations.run({ ...correlations.getStore(), ...correlation }, run);
}

export function currentCorrelation(): Correlation | undefined {
  return correlations.getStore();
}

export function openLog(options: LogOptions): ProcessLog {
  const file = join(options.dir, `${options.name ?? "bailiwick"}.log`);
  const out = new RotatingFile({ file, maxBytes: options.maxBytes, keep: options.keep });
  return {
    logger: redactingChildren(pino(loggerOptions(options), out)),
    file,
    flush: () => out.flush(),
    flushSync: () => out.flushSync(),
    close: () => out.close(),
  };
}

/** A logger that writes nothing; for tests and for commands. */
export function silentLogger(): Logger {
  return pino({ level: "silent" });
}

/** pino leaves the bindings of child loggers to themselves. */
function redactingChildren(logger: Logger): Logger {
  const { child } = logger;
  logger.child = function (this: Logger, bindings: object, ...rest: unknown[]) {
    return child.apply(this, [redact(bindings), ...rest] as never);
  } as typeof child;
  return logger;
}

function loggerOptions(options: LogOptions): LoggerOptions {
  return {
    level: options.level ?? "info",
    base: { ...options.base, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => ({ ...correlations.getStore() }),
    // Errors are turned into plain fields by `redact`, so that their texts are masked as well.
    serializers: { err: (error: unknown) => error, error: (error: unknown) => error },
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => redact(fields) as Record<string, unknown>,
      bindings: (bindings) => redact(bindings) as Record<string, unknown>,
    },
    hooks: {
      logMethod(args, method) {
        const masked = args.map((arg) => (typeof arg === "string" ? maskText(arg) : arg)) as typeof args;
        // pino takes an error alone for its line's message, unmasked.
        const [first] = masked as unknown[];
        if (first instanceof Error) {
          const message = typeof masked[1] === "string" ? masked[1] : maskText(first.message);
          method.apply(this, [{ err: first }, message] as unknown as typeof args);
          return;
        }
        method.apply(this, masked);
      },
    },
  };
}
