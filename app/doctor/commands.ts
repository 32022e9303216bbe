/** `doctor`: everything that could be wrong on this machine, each with the command that mends it. */
import type { CliEnv, Contributor } from "../../runtime/config/cli.ts";
import type { Check, CheckResult } from "./check.ts";

export const commands: Contributor = (program, env) => {
  program
    .command("doctor")
    .description("everything that could be wrong on this machine, each with the command that mends it")
    .action(async () => {
      const { fail, ok, runChecks } = await import("./check.ts");
      const surroundings = await import("./surroundings.ts");
      const checks: Check[] = [surroundings.nodeVersion, surroundings.compiledPackages];
      let config: ReturnType<CliEnv["config"]> | undefined;
      checks.push({
        name: "configuration",
        run() {
          try {
            const { config: effective, file, sources } = env.loaded();
            config = effective;
            return ok(`${file ?? "no bailiwick.yaml here: defaults"}, ${sources.size} settings set`);
          } catch (error) {
            return fail(
              (error as Error).message,
              "correct it; bin/bailiwick config validate names what is left",
            );
          }
        },
      });
      const results = await runChecks(checks);
      if (config) {
        const desk = await import("./desk.ts");
        const content = await import("./content.ts");
        results.push(
          ...(await runChecks([
            surroundings.dataDirectory(config.dataDir),
            surroundings.natsServer(config),
            surroundings.encoder(config),
            content.playbooks(config),
            content.articles(config),
            desk.desk(config),
            desk.model(config),
          ])),
        );
      }
      const healthy = results.every((r) => r.state !== "fail");
      env.out({ healthy, checks: results }, () => results.map((r) => render(r, env)).join("\n"));
      if (!healthy) env.fail();
    });
};

function render(result: CheckResult, env: CliEnv): string {
  const { green, yellow, red, dim } = env.colors;
  const mark = { ok: green("ok  "), warn: yellow("warn"), fail: red("FAIL") }[result.state];
  const line = `${mark} ${result.name}: ${result.what.replaceAll("\n", "\n       ")}`;
  return result.state === "ok" ? line : `${line}\n     ${dim("mend it:")} ${result.mend}`;
}
