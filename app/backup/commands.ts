/** `backup`, `restore`, `verify`. */
import type { Contributor } from "../../runtime/config/cli.ts";

export const commands: Contributor = (program, env) => {
  program
    .command("backup <file>")
    .description("one archive of the running desk, which goes on working; personal data in it is sealed")
    .option("--with-key", "with the workspace key in it: then whoever has the archive can read everything")
    .option("--force", "replace a file that is there")
    .action(async (file: string, options: { withKey?: boolean; force?: boolean }) => {
      const { runBackup } = await import("./command.ts");
      await runBackup(env, file, options);
    });
  program
    .command("restore <file>")
    .description("a desk from an archive: checked first, made as a whole or not at all")
    .option("--into <dir>", "directory to make (the data directory)")
    .option("--key <file>", "the workspace.key that the archive was sealed with")
    .option("--erase-list <file>", "list of who was erased since (beside the data directory)")
    .option("--without-erase-list", "without such a list: whoever was erased since the backup is back")
    .action(
      async (
        file: string,
        options: { into?: string; key?: string; eraseList?: string; withoutEraseList?: boolean },
      ) => {
        const { runRestore } = await import("./command.ts");
        await runRestore(env, file, options);
      },
    );
  program
    .command("verify <file>")
    .description("whether an archive is whole, and what is in it")
    .option("--key <file>", "the workspace.key that it was sealed with: tells whether anybody has changed it")
    .action(async (file: string, options: { key?: string }) => {
      const { runVerify } = await import("./command.ts");
      await runVerify(env, file, options);
    });
};
