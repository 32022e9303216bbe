/** Archives for tests: of a running desk, and with something wrong in them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TestedDesk } from "../testing.ts";
import { BACKUP_PATH } from "./routes.ts";

/** One that nobody takes any more is noticed after a moment, ms. */
const BUSY_MS = 20_000;
const AGAIN_MS = 100;

/** A backup as it comes; waits for one that is under way. @throws when the desk refuses */
export async function download({ desk }: TestedDesk, body: object = {}): Promise<AsyncIterable<Uint8Array>> {
  const ask = () =>
    fetch(desk.url + BACKUP_PATH, {
      method: "POST",
      headers: { authorization: `Bearer ${desk.adminToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  let response = await ask();
  for (
    const end = Date.now() + BUSY_MS;
    response.status === 409 && Date.now() < end;
    response = await ask()
  ) {
    await response.body?.cancel();
    await sleep(AGAIN_MS);
  }
  if (!response.ok || !response.body) throw new Error(await response.text());
  return response.body;
}
