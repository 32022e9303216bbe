/** Archives for tests: of a running desk, and with something wrong in them. */
import type { TestedDesk } from "../testing.ts";
import { BACKUP_PATH } from "./routes.ts";

/** How long one that was broken off may take to end, ms. */
const ENDING_MS = 10_000;

/** A backup as it comes, once the one before it has ended. @throws when the desk refuses */
export async function download(desk: TestedDesk, body: object = {}): Promise<AsyncIterable<Uint8Array>> {
  const end = performance.now() + ENDING_MS;
  for (;;) {
    const response = await ask(desk, body);
    if (response.ok && response.body) return response.body;
    if (response.status !== 409 || performance.now() > end) throw new Error(await response.text());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function ask({ desk }: TestedDesk, body: object): Promise<Response> {
  return fetch(desk.url + BACKUP_PATH, {
    method: "POST",
    headers: { authorization: `Bearer ${desk.adminToken}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
