/** Commands of the language room: `eval intents`. */
import type { Contributor } from "../../runtime/config/cli.ts";

export const commands: Contributor = (program, env) => {
  const parent =
    program.commands.find((command) => command.name() === "eval") ??
    program.command("eval").description("score the desk's parts on your own data");
  parent
    .command("intents")
    .description("how well wishes are told apart, and what lies outside of them")
    .requiredOption("--train <csv>", "training rows: text,label")
    .requiredOption("--test <csv>", "test rows: text,label")
    .option("--valid <csv>", "rows that the threshold and the calibration are chosen on")
    .option("--oos <label>", "label of rows that are out of scope")
    .action(async (options: { train: string; test: string; valid?: string; oos?: string }) => {
      const { runEvalIntents } = await import("./intents/command.ts");
      await runEvalIntents(options, env);
    });
};
