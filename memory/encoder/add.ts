/** `models add`: takes a folder that was brought by hand (a disk, another machine) into the folder of models. */
import { cp, mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "../../runtime/config/errors.ts";
import { exists, filesIn, NEEDED, sumOf, writeChecksums } from "./model-folder.ts";
import { MODEL } from "./pull.ts";
import { writeWhole } from "./whole-folder.ts";

export interface AddOptions {
  readonly modelsDir: string;
  /** The model's folder, in the hub's layout. */
  readonly from: string;
  /** Name that it gets, `name` or `owner/name`. Default: the folder's own. */
  readonly name?: string;
  /** Replaces one of the same name. */
  readonly force?: boolean;
}

/**
 * Answers its name and folder; the folder appears whole or not at all. Whether it can encode is for whoever calls to try.
 * @throws UsageError naming what is missing, and how to mend it
 */
export async function addModel({
  modelsDir,
  from,
  name = basename(resolve(from)),
  force,
}: AddOptions): Promise<{
  readonly model: string;
  readonly folder: string;
}> {
  if (!MODEL.test(name))
    throw new UsageError(
      `${JSON.stringify(name)} is no model name: give one with --name, such as acme/small`,
    );
  const folder = join(resolve(modelsDir), name);
  if (folder === resolve(from)) throw new UsageError(`${folder} is in the folder of models already: use it`);
  if (!force && (await exists(folder)))
    throw new UsageError(
      `there is a model ${name} already: --force replaces it, --name calls this one otherwise`,
    );
  const { weights, missing } = await filesIn(from);
  if (missing.length > 0)
    throw new UsageError(`${from} is no model in ONNX: ${missing.join(", ")} not found in it`);
  await writeWhole(folder, async (fresh) => {
    const files: Record<string, string> = {};
    for (const file of [...NEEDED, ...weights]) {
      const to = join(fresh, file);
      await mkdir(dirname(to), { recursive: true });
      await cp(join(from, file), to);
      files[file] = await sumOf(to);
    }
    await writeChecksums(fresh, { model: name, source: "a folder", files });
  });
  return { model: name, folder };
}
