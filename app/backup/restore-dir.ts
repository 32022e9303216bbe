/** The directory that a restore fills: beside the one that it becomes, which appears as a whole or not at all. */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DirectoryOwner } from "../../runtime/bus/index.ts";
import { prepareDataDir } from "../../runtime/config/data-dir.ts";
import { UsageError } from "../../runtime/config/errors.ts";

/** Says whose the directory is, and that it is a restore's. */
const OWNER = "restoring.json";

/** @throws UsageError when there is something at the place already */
export function mustBeEmpty(into: string): void {
  if (!existsSync(into)) return;
  if (!statSync(into).isDirectory())
    throw new UsageError(`${into} is a file: move it away, or name another directory with --into`);
  if (readdirSync(into).length > 0) {
    throw new UsageError(
      `${into} is not empty, and a restore overwrites nothing: stop the desk that runs there and move the directory away, or name another with --into`,
    );
  }
}

export class PartialDir {
  readonly path: string;
  readonly #into: string;
  #owner: DirectoryOwner;

  private constructor(into: string, path: string, owner: DirectoryOwner) {
    this.#into = into;
    this.path = path;
    this.#owner = owner;
  }

  /**
   * Makes `<into>.partial`. What a restore that was killed has left there is removed.
   * @throws UsageError when something is in the way, DirectoryInUseError when another restore is under way
   */
  static take(into: string): PartialDir {
    mustBeEmpty(into);
    const path = `${into}.partial`;
    if (existsSync(path)) {
      if (!existsSync(join(path, OWNER))) {
        throw new UsageError(`${path} is in the way, and no restore made it: move it away`);
      }
      DirectoryOwner.take(path, OWNER).release();
      rmSync(path, { recursive: true, force: true });
    }
    prepareDataDir(path);
    return new PartialDir(into, path, DirectoryOwner.take(path, OWNER));
  }

  /** It becomes the directory that was wanted. */
  commit(): void {
    mustBeEmpty(this.#into);
    this.#owner.release();
    renameSync(this.path, this.#into);
  }

  discard(): void {
    this.#owner.release();
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}
