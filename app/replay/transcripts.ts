/** `transcripts`: plain chat transcripts become scenario files. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { nameOf, readTranscripts, scenarioYaml } from "../../scenarios/transcripts/transcripts.ts";

export async function transcripts(
  env: CliEnv,
  file: string,
  { out }: { readonly out: string },
): Promise<void> {
  if (!existsSync(file)) throw new UsageError(`${file} does not exist`);
  const read = readTranscripts(file);
  const files: string[] = [];
  let silent = 0;
  const names = new Set<string>();
  const made = read.map((transcript) => {
    let name = nameOf(transcript.conversation);
    for (let n = 2; names.has(name); n++) name = `${nameOf(transcript.conversation)}-${n}`;
    names.add(name);
    return { name, yaml: scenarioYaml(name, transcript, basename(file)) };
  });
  // Nothing is written before it is known that nothing is written over.
  for (const { name, yaml } of made) {
    const path = join(out, `${name}.scenario.yaml`);
    if (yaml !== undefined && existsSync(path))
      throw new UsageError(`${path} is there already: name another folder with --out`);
  }
  await mkdir(out, { recursive: true });
  for (const { name, yaml } of made) {
    if (yaml === undefined) {
      silent++;
      continue;
    }
    const path = join(out, `${name}.scenario.yaml`);
    await writeFile(path, yaml, { mode: 0o600 });
    files.push(path);
  }
  env.out(
    { files, silent },
    () =>
      `${files.length} scenarios in ${out}${silent > 0 ? `, ${silent} left out in which no customer wrote` : ""}; play them with bin/bailiwick replay --mode live ${out}`,
  );
}
