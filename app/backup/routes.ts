/** Admin route of backups. */
import type { Logger } from "pino";
import { z } from "zod";
import { type AnyRoute, ProblemError, route } from "../../runtime/gateway/index.ts";
import { type BackupSource, makeBackup } from "./make.ts";

export const BACKUP_PATH = "/v1/admin/backup";

/** One at a time: they would hold each other up, and whoever asks twice has mistaken himself. */
export function backupRoutes(source: BackupSource, logger: Logger): AnyRoute[] {
  let underWay = false;
  return [
    route({
      method: "POST",
      path: BACKUP_PATH,
      auth: "admin",
      tag: "operations",
      summary: "An archive of the whole workspace as it is now (a tar file); the desk goes on working",
      body: z.strictObject({ withKey: z.boolean().default(false) }).prefault({}),
      bodyOptional: true,
      handler: ({ body: { withKey } }) => {
        if (underWay) {
          throw new ProblemError(409, "Conflict", "A backup is under way: wait for it to end.", {
            headers: { "retry-after": "10" },
          });
        }
        underWay = true;
        const begun = performance.now();
        const content = makeBackup(source, {
          withKey,
          onEnd: (result) => {
            const ms = Math.round(performance.now() - begun);
            if (result instanceof Error)
              logger.error({ ms, error: result.message }, "a backup was not finished");
            else logger.info({ ms, id: result.id, withKey }, "a backup was made");
          },
        });
        content.once("close", () => {
          underWay = false;
        });
        const day = new Date().toISOString().slice(0, 10);
        return {
          download: { type: "application/x-tar", name: `bailiwick-${source.workspace}-${day}.tar`, content },
        };
      },
    }),
  ];
}
