/** `config validate` and `config print`. */
import type { Contributor } from "./cli.ts";

export const commands: Contributor = (program, env) => {
  const config = program.command("config").description("check and show the configuration");
  config
    .command("validate")
    .description("check the file and the environment; names each problem with its place")
    .action(() => {
      const { file, sources } = env.loaded();
      const from = file ?? "the defaults (there is no bailiwick.yaml here)";
      env.out(
        { valid: true, file: file ?? null, set: sources.size },
        `valid: ${from}, ${sources.size} settings set`,
      );
    });
  config
    .command("print")
    .description("print what is set and from where; secrets are masked")
    .option("--effective", "every setting, defaults too")
    .action(async (options: { effective?: boolean }) => {
      const { maskSecrets, printConfig } = await import("./print.ts");
      const loaded = env.loaded();
      env.out(maskSecrets(loaded), () => printConfig(loaded, options.effective === true).trimEnd());
    });
};
