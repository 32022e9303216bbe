/** Commands of this room: `memory …`, `models …`, `eval retrieval|memory`. */
import { type Command, InvalidArgumentError } from "commander";
import type { CliEnv, Contributor } from "../runtime/config/cli.ts";
import { customerCommands } from "./customer-commands.ts";
import { modelCommands } from "./encoder/commands.ts";
import { tierCommands } from "./tier-commands.ts";

export const commands: Contributor = (program, env) => {
  const memory = findOrCreate(program, "memory", "look into and clean a customer's memory");
  customerCommands(memory, env);
  tierCommands(memory, env);
  modelCommands(findOrCreate(program, "models", "the encoders on this machine"), env);
  const evaluate = findOrCreate(program, "eval", "score the desk's parts on your own data");
  evalRetrieval(evaluate, env);
  evalMemory(evaluate, env);
};

function evalMemory(parent: Command, env: CliEnv): void {
  parent
    .command("memory")
    .description("how well it is found what was said")
    .requiredOption("--turns <jsonl>", "turns in order: {id, conversation, session?, speaker?, at?, text}")
    .requiredOption("--questions <jsonl>", "questions: {id, conversation, text, evidence: [ids], category?}")
    .option("--k <list>", "depths of recall", turnDepths, [5, 10, 20])
    .option("--baselines", "also by words alone, with and without neighbours, and by vectors alone")
    .action(async (options: { turns: string; questions: string; k: number[]; baselines?: boolean }) => {
      const { runMemory } = await import("./evaluate/command.ts");
      await runMemory(options, env);
    });
}

function evalRetrieval(parent: Command, env: CliEnv): void {
  parent
    .command("retrieval")
    .description("how well the right documents are found")
    .requiredOption("--docs <jsonl>", "documents: {id, title?, text}")
    .requiredOption("--queries <jsonl>", "queries: {id, text, relevant: [ids]}")
    .option("--k <list>", "depths of recall", (list: string) => depths(list), [1, 5, 10, 20])
    .option("--baselines", "also by words alone and by vectors alone")
    .action(async (options: { docs: string; queries: string; k: number[]; baselines?: boolean }) => {
      const { runRetrieval } = await import("./retrieval/command.ts");
      await runRetrieval(options, env);
    });
}

/** Another room may have added the parent command already. */
function findOrCreate(program: Command, name: string, description: string): Command {
  return (
    program.commands.find((command) => command.name() === name) ??
    program.command(name).description(description)
  );
}

function depths(list: string, most = 1_000): number[] {
  const ks = list.split(",").map(Number);
  if (ks.length === 0 || ks.some((k) => !Number.isInteger(k) || k < 1 || k > most)) {
    throw new InvalidArgumentError(`depths are whole numbers from 1 to ${most} with commas between: 1,5,10`);
  }
  return ks;
}

/** The agent answers no more than a hundred at once. */
function turnDepths(list: string): number[] {
  return depths(list, 100);
}
