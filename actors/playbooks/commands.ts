/** Commands of this room: `playbooks lint|list|graph|test`, `new playbook|skill`. */
import type { Command } from "commander";
import type { CliEnv, Contributor } from "../../runtime/config/cli.ts";

export const commands: Contributor = (program, env) => {
  const playbooks = program.command("playbooks").description("check, list, draw and test playbooks");
  playbooks
    .command("lint")
    .description("check playbooks; without paths those that the desk would serve")
    .argument("[path...]", "files or folders")
    .action(async (paths: string[]) => (await import("./command.ts")).lint(paths, env));
  playbooks
    .command("list")
    .description("name, version, intents, steps")
    .argument("[path...]", "files or folders")
    .action(async (paths: string[]) => (await import("./command.ts")).list(paths, env));
  playbooks
    .command("graph")
    .description("draw playbooks: Mermaid, or with --json the machine")
    .argument("[path...]", "files, folders or names of playbooks")
    .action(async (paths: string[]) => (await import("./command.ts")).graph(paths, env));
  playbooks
    .command("test")
    .description("run the cases (*.cases.yaml) beside playbooks")
    .argument("[path...]", "files or folders")
    .action(async (paths: string[]) => (await import("./command.ts")).test(paths, env));

  const create = findOrCreate(program, "new", "scaffold something that passes lint and its test");
  create
    .command("playbook")
    .description("a playbook with its cases")
    .argument("<name>", "such as gift-card")
    .option("--dir <dir>", "folder", "playbooks")
    .action(async (name: string, options: { dir: string }) =>
      scaffold("newPlaybook", name, options.dir, env),
    );
  create
    .command("skill")
    .description("a skill with its test")
    .argument("<name>", "<system>.<operation>, such as loyalty.points")
    .option("--dir <dir>", "folder", "actors/skills/skills")
    .action(async (name: string, options: { dir: string }) => scaffold("newSkill", name, options.dir, env));
};

async function scaffold(
  what: "newPlaybook" | "newSkill",
  name: string,
  dir: string,
  env: CliEnv,
): Promise<void> {
  const written = (await import("./scaffold.ts"))[what](name, dir);
  env.out(written, () =>
    [
      ...written.files.map((f) => env.colors.green(`wrote ${f}`)),
      "next:",
      ...written.next.map((n) => `  ${n}`),
    ].join("\n"),
  );
}

/** Another room may have added the parent command already. */
function findOrCreate(program: Command, name: string, description: string): Command {
  return program.commands.find((c) => c.name() === name) ?? program.command(name).description(description);
}
