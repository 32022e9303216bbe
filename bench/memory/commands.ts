/** `bench memory`: recalls, searches, opening, indexing and the encoder, held to what memory promises. */
import { loadavg } from "node:os";
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { profileNamed, wholeNumber } from "../flags.ts";
import { reported } from "../reported.ts";
import type { MemoryBenchOptions } from "./memory.ts";

interface Flags {
  readonly profile: string;
  readonly part?: string;
  readonly facts?: string;
  readonly chunks?: string;
  readonly docs?: string;
  readonly queries?: string;
  readonly seed: string;
}

type Profile = Pick<
  MemoryBenchOptions,
  "facts" | "factTexts" | "chunks" | "rounds" | "requests" | "comparisons" | "texts"
> & { readonly isHeld: boolean };

export const PROFILES: Readonly<Record<string, Profile>> = {
  /** Whether everything runs, and a first look; too short to be held to anything. */
  quick: {
    facts: [1_000, 2_000],
    factTexts: 300,
    chunks: 500,
    rounds: 1,
    requests: 50,
    comparisons: 20,
    texts: 50,
    isHeld: false,
  },
  full: {
    facts: [100_000, 1_000_000],
    factTexts: 20_000,
    chunks: 100_000,
    rounds: 5,
    requests: 500,
    comparisons: 200,
    texts: 500,
    isHeld: true,
  },
};

export function addMemory(bench: Command, env: CliEnv): void {
  bench
    .command("memory")
    .description("recalls, searches, opening, indexing, the encoder: held to bench/memory/budgets.yaml")
    .option(
      "--profile <name>",
      "full (about half an hour and 10 GB of disk, held to its budgets) or quick (half a minute)",
      "full",
    )
    .option("--part <name>", "encoder, knowledge or facts alone")
    .option("--facts <n,n>", "numbers of facts (100000,1000000; quick: 1000,2000)")
    .option("--chunks <n>", "passages of the knowledge base (100000; quick: 500)")
    .option("--docs <jsonl>", "your own articles instead, lines {id, title?, text}")
    .option("--queries <jsonl>", "what is asked of them, lines {text}")
    .option("--seed <seed>", "what articles, facts and questions are made from", "bailiwick")
    .action(async (flags: Flags, command: Command) => {
      const { isHeld, ...options } = profileOf(flags);
      const own = await ownTexts(flags);
      const { benchMemory, PARTS } = await import("./memory.ts");
      const parts = PARTS.filter((part) => flags.part === undefined || part === flags.part);
      if (parts.length === 0) throw new UsageError(`--part ${flags.part}: there are ${PARTS.join(", ")}`);
      const { memoryRows } = await import("./rows.ts");
      const { readMemoryBudgets } = await import("./budgets.ts");
      const { report } = await import("../report.ts");
      const { encoderOptions } = await import("../../memory/encoder/index.ts");
      const budgets = isHeld ? readMemoryBudgets() : undefined;
      // What else the machine was busy with, in processes that wanted to run.
      const [loadBefore = 0] = loadavg();
      await reported(command, env, async (onStage) => {
        const { natsServer, ...measured } = await benchMemory({
          ...options,
          parts,
          own,
          seed: flags.seed,
          encoder: encoderOptions(env.config().encoder),
          onStage,
          signal: env.signal(),
        });
        return report(memoryRows(measured, budgets), { natsServer }, { loadBefore });
      });
    });
}

function profileOf(flags: Flags): Profile {
  const profile = profileNamed(PROFILES, flags.profile);
  const { facts, chunks } = flags;
  const numbers = facts?.split(",").map((text) => wholeNumber("facts", text, 20));
  return {
    ...profile,
    ...(numbers ? { facts: numbers.sort((a, b) => a - b) } : {}),
    ...(chunks ? { chunks: wholeNumber("chunks", chunks, 10) } : {}),
  };
}

async function ownTexts({ docs, queries }: Flags): Promise<MemoryBenchOptions["own"]> {
  if (docs === undefined && queries === undefined) return undefined;
  if (docs === undefined || queries === undefined) throw new UsageError("--docs and --queries go together");
  const { z } = await import("zod");
  const { readJsonl } = await import("../../memory/jsonl.ts");
  const line = z.looseObject({ text: z.string() });
  const articles = await readJsonl(docs, line.extend({ id: z.string(), title: z.string().optional() }));
  return {
    articles: articles.map(({ id, title = id, text }) => ({ title, text })),
    questions: (await readJsonl(queries, line)).map(({ text }) => text),
  };
}
