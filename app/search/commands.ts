/** `memory verify`: where a term is, before and after an erasure. */
import { resolve } from "node:path";
import type { Contributor } from "../../runtime/config/cli.ts";

export const commands: Contributor = (program, env) => {
  const memory = program.commands.find((command) => command.name() === "memory")!;
  memory
    .command("verify")
    .description("where a term is, in every store and every file; exit code 1 when it is anywhere")
    .requiredOption("--text <term>", "a name, an address, a sentence; - reads it from stdin")
    .option("--archive <file...>", "archives to look into as well")
    .action(async ({ text, archive = [] }: { text: string; archive?: string[] }) => {
      const { runSearch } = await import("./command.ts");
      const files = archive.map((file) => resolve(file));
      await runSearch(env, text, files);
    });
};
