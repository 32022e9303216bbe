/** `replay --watch`: again after each change of a playbook or a recording, until Ctrl-C. */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { relative } from "node:path";
import { playbookDirs } from "../../actors/playbooks/index.ts";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { type FrozenFlags, playAll, show } from "./frozen.ts";

/** An editor writes a file in several steps; they are one change. */
const QUIET_MS = 200;
const WRONG_USE = 2;

export async function replayWatching(
  env: CliEnv,
  paths: readonly string[],
  flags: FrozenFlags,
): Promise<void> {
  if (env.json)
    throw new UsageError("--watch goes on and on, and --json is one document: leave one of them out");
  const signal = env.signal();
  const watched = [...new Set([...playbookDirs(env.config().playbooks), ...paths])].filter((path) =>
    existsSync(path),
  );
  const changes = new Changes(watched);
  try {
    while (!signal.aborted) {
      changes.seen();
      try {
        show(env, await playAll(env, paths, flags), flags);
      } catch (error) {
        // A playbook that is half written is wrong for a moment; what the user can mend has the exit code of a wrong use.
        if ((error as { exitCode?: unknown }).exitCode !== WRONG_USE) throw error;
        env.err((error as Error).message);
      }
      if (signal.aborted) return;
      env.err(
        `watching ${watched.map((path) => relative(process.cwd(), path) || ".").join(", ")}; Ctrl-C ends it`,
      );
      const changed = await changes.next(signal);
      if (changed !== undefined) env.err(`${changed} has changed`);
    }
  } finally {
    changes.close();
  }
}

class Changes {
  readonly #watchers: FSWatcher[];
  #changed: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;

  constructor(paths: readonly string[]) {
    this.#watchers = paths.map((path) =>
      watch(path, { recursive: true }, (_, name) => this.#note(name ?? path)),
    );
  }

  /** What has changed so far is taken into account by what begins now. */
  seen(): void {
    clearTimeout(this.#timer);
    this.#changed = undefined;
  }

  /** Waits for a change, or the signal; answers the file. */
  async next(signal: AbortSignal): Promise<string | undefined> {
    if (signal.aborted) return undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (this.#changed !== undefined) this.#soon();
    });
    return this.#changed;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #note(name: string): void {
    this.#changed = name;
    this.#soon();
  }

  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#wake?.(), QUIET_MS);
  }
}
