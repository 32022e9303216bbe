/** `skills list|call` and `import`. */
import type { CliEnv, Contributor } from "../../runtime/config/cli.ts";

export const commands: Contributor = (program, env) => {
  const skills = program.command("skills").description("what agents can do; one call by hand");
  skills
    .command("list")
    .description("the inventory")
    .action(async () => {
      const { listSkills } = await import("./command.ts");
      listSkills(env);
    });
  skills
    .command("call <name> <json>")
    .description("calls a skill with an input as JSON")
    .option("--key <key>", "idempotency key: a write is done once for each (a new one unless given)")
    .option("--dataset <name>", "dataset of the back office, when no desk runs")
    .action(async (name: string, json: string, options: { key?: string; dataset?: string }) => {
      const { callSkill } = await import("./command.ts");
      await callSkill(env, name, json, options);
    });
  program
    .command("import <file...>")
    .description("load JSON, NDJSON or CSV records into the embedded back office")
    .requiredOption(
      "--into <name>",
      "dataset, such as retail; or dataset and collection, such as retail/orders",
    )
    .option("--key <field>", "field that identifies a record (id, or its key in an object of records)")
    .option("--map <map>", "YAML file that maps a foreign shape, name of a shipped one, or none")
    .action(async (files: string[], options: { into: string; key?: string; map?: string }) => {
      const { runImport } = await import("./command.ts");
      await runImport(env as CliEnv, files, options);
    });
};
