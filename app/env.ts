/** What a command gets, on this terminal. */
import picocolors from "picocolors";
import {
  type AdminClient,
  type CliEnv,
  type Colors,
  type Config,
  DependencyError,
  type LoadedConfig,
  loadConfig,
  type Progress,
} from "../runtime/config/index.ts";
import { connect } from "./client.ts";

export interface CommonFlags {
  readonly config?: string;
  readonly dataDir?: string;
  readonly workspace?: string;
  readonly json?: boolean;
}

/** A second Ctrl-C within this time is the same one: npm and the terminal both deliver it. */
const SAME_SIGNAL_MS = 1_000;

export class TerminalEnv implements CliEnv {
  #flags: CommonFlags = {};
  #overrides: Record<string, unknown> = {};
  #names: Record<string, string> = { dataDir: "--data-dir", workspace: "--workspace" };
  #loaded: LoadedConfig | undefined;
  #abort: AbortController | undefined;
  exitCode = 0;

  /** Takes the flags of the command line; once, before the command runs. */
  apply(flags: CommonFlags): void {
    this.#flags = flags;
  }

  get json(): boolean {
    return this.#flags.json === true;
  }

  get colors(): Colors {
    return picocolors.createColors(
      !this.json && process.stdout.isTTY === true && picocolors.isColorSupported,
    );
  }

  override(flags: Readonly<Record<string, unknown>>, names: Readonly<Record<string, string>> = {}): void {
    Object.assign(this.#overrides, flags);
    Object.assign(this.#names, names);
    this.#loaded = undefined;
  }

  loaded(): LoadedConfig {
    const { config: file, dataDir, workspace } = this.#flags;
    this.#loaded ??= loadConfig({
      file,
      flags: { dataDir, workspace, ...this.#overrides },
      flagNames: this.#names,
    });
    return this.#loaded;
  }

  config(): Config {
    return this.loaded().config;
  }

  dataDir(): string {
    return this.config().dataDir;
  }

  out(value: unknown, text?: string | (() => string)): void {
    const pretty = () => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
    const shown = this.json
      ? JSON.stringify(value, null, 2)
      : typeof text === "function"
        ? text()
        : (text ?? pretty());
    process.stdout.write(`${shown}\n`);
  }

  err(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  progress(title: string): Progress {
    const shown = !this.json && process.stderr.isTTY === true;
    const write = (line: string, end = "") => {
      if (shown) process.stderr.write(`\r\u001b[2K${line}${end}`);
    };
    write(title);
    return {
      update(text, done, all) {
        const share =
          done !== undefined && all ? ` ${done}/${all} (${Math.floor((100 * done) / all)} %)` : "";
        write(`${title}${share} ${text}`.slice(0, (process.stderr.columns || 80) - 1));
      },
      end(text) {
        write(text ?? "", text ? "\n" : "");
      },
    };
  }

  client(attach?: { readonly url: string; readonly token?: string }): AdminClient {
    if (attach && !/^https?:\/\//.test(attach.url)) {
      throw new DependencyError(`${attach.url} is no address of a desk: it looks like http://127.0.0.1:7420`);
    }
    return connect({
      dataDir: this.dataDir(),
      url: attach?.url,
      token: attach?.token,
      workspace: this.#flags.workspace,
    });
  }

  fail(code = 1): void {
    this.exitCode = Math.max(this.exitCode, code);
  }

  signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal;
    const abort = new AbortController();
    this.#abort = abort;
    let first = 0;
    for (const [name, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      process.on(name, () => {
        if (!abort.signal.aborted) {
          first = performance.now();
          abort.abort(new Error(name));
        } else if (performance.now() - first > SAME_SIGNAL_MS) process.exit(code);
      });
    }
    return abort.signal;
  }
}
