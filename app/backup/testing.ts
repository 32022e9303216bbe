/** Archives for tests: of a running desk, and with something wrong in them. */
import type { TestedDesk } from "../testing.ts";
import { BACKUP_PATH } from "./routes.ts";

/** A backup as it comes. @throws when the desk refuses */
export async function download({ desk }: TestedDesk, body: object = {}): Promise<AsyncIterable<Uint8Array>> {
  const response = await fetch(desk.url + BACKUP_PATH, {
    method: "POST",
    headers: { authorization: `Bearer ${desk.adminToken}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok || !response.body) throw new Error(await response.text());
  return response.body;
}
