/**
 * Who owns a directory. A file names the owning process and when it was started, so that the owner's number, given to
 * another process after a crash or a reboot, is not taken for the owner.
 */
import { spawnSync } from "node:child_process";
import { linkSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class DirectoryInUseError extends Error {
  override readonly name = "DirectoryInUseError";
  constructor(
    readonly directory: string,
    readonly pid: number,
  ) {
    super(
      `${directory} is in use by process ${pid}: stop that one (kill ${pid}), or choose another directory with --data-dir`,
    );
  }
}

interface Owner {
  readonly pid: number;
  readonly identity: string;
}

/** Tells a process from any other that had or will have its number; undefined when there is none. */
export function processIdentity(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The second field is the name in brackets and may hold anything; the fields after it are safe to split.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      // A zombie holds nothing any more.
      if (fields[0] === "Z" || fields[0] === "X") return undefined;
      return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${fields[19]}`;
    } catch {
      return undefined;
    }
  }
  const ps = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return ps.status === 0 ? ps.stdout.trim() || undefined : undefined;
}

/** The command line of a process, words joined by blanks; "" when it cannot be read. */
export function processCommand(pid: number): string {
  if (process.platform === "linux") {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    } catch {
      return "";
    }
  }
  return spawnSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).stdout ?? "";
}

export class DirectoryOwner {
  readonly #file: string;
  readonly #content: string;

  private constructor(file: string, content: string) {
    this.#file = file;
    this.#content = content;
  }

  /**
   * Takes a directory for this process. What a dead owner left is taken over.
   * @throws DirectoryInUseError when a living process owns it.
   */
  static take(directory: string, name = "owner.json"): DirectoryOwner {
    const file = join(directory, name);
    const me: Owner = { pid: process.pid, identity: processIdentity(process.pid) ?? "unknown" };
    const content = JSON.stringify({ ...me, nonce: `${performance.now()}-${process.hrtime.bigint()}` });
    const mine = `${file}.${process.pid}.${process.hrtime.bigint()}`;
    writeFileSync(mine, content, { mode: 0o600 });
    try {
      for (;;) {
        try {
          // A link appears with its whole content or not at all, and only where there is none.
          linkSync(mine, file);
          return new DirectoryOwner(file, content);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        }
        const found = read(file);
        if (found === undefined) continue;
        const owner = parse(found);
        if (owner && processIdentity(owner.pid) === owner.identity) {
          throw new DirectoryInUseError(directory, owner.pid);
        }
        clearAway(file, found);
      }
    } finally {
      rmSync(mine, { force: true });
    }
  }

  release(): void {
    if (read(this.#file) === this.#content) rmSync(this.#file, { force: true });
  }
}

/** Removes what a dead owner left, unless somebody has replaced it since it was read. */
function clearAway(file: string, expected: string): void {
  const aside = `${file}.stale.${process.pid}.${process.hrtime.bigint()}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (read(aside) !== expected) {
    try {
      linkSync(aside, file);
    } catch {
      // A third one was faster; it wins.
    }
  }
  unlinkSync(aside);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function parse(text: string): Owner | undefined {
  try {
    const value = JSON.parse(text) as Partial<Owner>;
    return typeof value.pid === "number" && typeof value.identity === "string" ? (value as Owner) : undefined;
  } catch {
    return undefined;
  }
}
