/** `diff`: recordings of two files or folders side by side. */
import { writeFile } from "node:fs/promises";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import {
  columnsOf,
  type Diff,
  diffRecordings,
  firstOf,
  htmlOf,
  type NamedDiff,
} from "../../scenarios/diff/index.ts";
import { recordingFiles } from "../../scenarios/recording/files.ts";
import { readRecordings } from "../../scenarios/recording/read.ts";
import type { Recording } from "../../scenarios/recording/recording.ts";

export interface DiffOptions {
  readonly html?: string;
}

export async function diff(env: CliEnv, a: string, b: string, { html }: DiffOptions): Promise<void> {
  const [left, right] = [await recordingsOf(a), await recordingsOf(b)];
  const pairs = pairsOf(left, right, a, b);
  const diffs: Diff[] = pairs.map(([x, y]) => diffRecordings(x, y));
  const onlyA = pairs.length === 1 ? [] : [...left.keys()].filter((id) => !right.has(id));
  const onlyB = pairs.length === 1 ? [] : [...right.keys()].filter((id) => !left.has(id));
  if (html !== undefined) {
    const named = diffs.map((each): NamedDiff => ({ diff: each, a, b }));
    await writeFile(html, htmlOf(named), { mode: 0o600 });
  }
  const apart = diffs.filter(({ same }) => !same);
  if (apart.length + onlyA.length + onlyB.length > 0) env.fail();
  const result = {
    compared: diffs.length,
    apart: apart.map((each) => ({ id: each.id, first: firstOf(each) })),
    onlyA,
    onlyB,
    ...(html === undefined ? {} : { html }),
  };
  env.out(result, () => {
    const c = env.colors;
    const width = process.stdout.columns ?? 120;
    return [
      ...apart.flatMap((each) => [
        c.bold(`${each.id} goes apart at step ${firstOf(each)!.step}`),
        ...columnsOf(each, width, c),
        "",
      ]),
      ...onlyA.map((id) => c.red(`${id} is only in ${a}`)),
      ...onlyB.map((id) => c.red(`${id} is only in ${b}`)),
      `${diffs.length} compared, ${apart.length} went apart`,
    ].join("\n");
  });
}

async function recordingsOf(path: string): Promise<Map<string, Recording>> {
  const found = new Map<string, Recording>();
  for (const file of recordingFiles([path])) {
    for await (const recording of readRecordings(file)) {
      const { id } = recording.header;
      if (found.has(id)) throw new UsageError(`${file}: recording ${id} is there twice`);
      found.set(id, recording);
    }
  }
  return found;
}

/** Those of the same id; of two single ones, these. */
function pairsOf(
  left: ReadonlyMap<string, Recording>,
  right: ReadonlyMap<string, Recording>,
  a: string,
  b: string,
): [Recording, Recording][] {
  if (left.size === 1 && right.size === 1) return [[[...left.values()][0]!, [...right.values()][0]!]];
  const pairs = [...left].flatMap(([id, x]): [Recording, Recording][] => {
    const y = right.get(id);
    return y ? [[x, y]] : [];
  });
  if (pairs.length === 0) throw new UsageError(`${a} and ${b} have no recording in common`);
  return pairs;
}
