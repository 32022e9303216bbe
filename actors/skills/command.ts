/** What `skills` and `import` do. A running desk owns its data directory: then everything goes through its admin API. */
import { join } from "node:path";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { isDataDirHeld, prepareDataDir } from "../../runtime/config/data-dir.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { nearest } from "../../runtime/config/suggest.ts";
import { newId } from "../../runtime/ids.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { BackOffice, DEFAULT_SEED, Refusal, seed } from "./backoffice/index.ts";
import { adminTarget, importFiles, mustBeReadable, storeTarget } from "./import/index.ts";
import { Inventory } from "./inventory.ts";
import { SKILLS_PATH } from "./routes.ts";

/** Where the embedded back office lies in a data directory. */
export const backOfficeDir = (dataDir: string): string => join(dataDir, "backoffice");

export function listSkills(env: CliEnv): void {
  const inventory = new Inventory();
  const { bold, dim, yellow } = env.colors;
  env.out({ skills: inventory.describe() }, () =>
    inventory
      .list()
      .map((skill) => {
        const inputs = [...skill.inputs.required, ...skill.inputs.optional.map((name) => `[${name}]`)].join(
          " ",
        );
        const effect = skill.effect === "read" ? dim("read ") : yellow("write");
        return `${bold(skill.name.padEnd(28))} ${effect}  ${skill.description}\n${" ".repeat(36)}${dim(inputs)}`;
      })
      .join("\n"),
  );
}

export async function callSkill(
  env: CliEnv,
  name: string,
  json: string,
  options: { key?: string; dataset?: string },
): Promise<void> {
  const inventory = new Inventory();
  const skill = inventory.get(name);
  if (!skill) {
    const near = nearest(name, inventory.names());
    throw new UsageError(
      `there is no skill ${name}${near ? `, did you mean ${near}?` : ""}: \`bin/bailiwick skills list\` shows them`,
    );
  }
  const given = parseInput(json);
  const parsed = skill.input.safeParse(given);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new UsageError(`input of ${name}: ${path.map(String).join(".") || "it"}: ${message}`);
  }
  const key = options.key ?? newId();
  if (await isDataDirHeld(env.dataDir())) {
    if (options.dataset)
      throw new UsageError("a running desk serves its own dataset: leave --dataset away, or stop it");
    const answer = await env
      .client()
      .post<{ result: JsonObject }>(`${SKILLS_PATH}/${name}`, { input: given, key });
    env.out({ skill: name, key, result: answer.result }, () => JSON.stringify(answer.result, null, 2));
    return;
  }
  const office = await openOffice(env, options.dataset ?? env.config().backoffice.dataset);
  try {
    const result = await skill.run(parsed.data, { office, key, now: Date.now() });
    env.out({ skill: name, key, result }, () => JSON.stringify(result, null, 2));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code, reason, message } = error;
    env.out({ skill: name, key, error: { code, reason, message } }, () => `refused (${code}): ${message}`);
    env.fail();
  } finally {
    await office.close();
  }
}

export async function runImport(
  env: CliEnv,
  files: readonly string[],
  options: { into: string; key?: string; map?: string },
): Promise<void> {
  // Before a directory is made for nothing.
  for (const file of files) await mustBeReadable(file);
  const running = await isDataDirHeld(env.dataDir());
  if (!running) prepareDataDir(env.dataDir());
  const office = running ? undefined : await BackOffice.open(backOfficeDir(env.dataDir()));
  const progress = env.progress("import");
  try {
    const result = await importFiles(office ? storeTarget(office) : adminTarget(env.client()), {
      files,
      ...options,
      keepIn: env.dataDir(),
      onProgress: (file, records) => progress.update(`${file}: ${records} records`),
    });
    progress.end();
    env.out(result, () =>
      [
        ...result.files.map((f) => `${f.file}: ${f.records} records into ${result.dataset}/${f.collection}`),
        `The desk serves it with backoffice.dataset: ${result.dataset} in bailiwick.yaml.`,
      ].join("\n"),
    );
  } catch (error) {
    progress.end();
    throw error;
  } finally {
    await office?.close();
  }
}

/** The generated company is there from the first use on, as it is when a desk starts. */
async function openOffice(env: CliEnv, dataset: string): Promise<BackOffice> {
  prepareDataDir(env.dataDir());
  const office = await BackOffice.open(backOfficeDir(env.dataDir()), { dataset });
  if (dataset === "main" && !(await office.info()))
    await seed(office, { seed: DEFAULT_SEED, now: Date.now() });
  return office;
}

function parseInput(json: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new UsageError(
      `the input is no JSON (${(error as Error).message}): quote it like '{"customerId":"C1001"}'`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`the input has to be an object like '{"customerId":"C1001"}'`);
  }
  return value as JsonObject;
}
