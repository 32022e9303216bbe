/**
 * Two workspaces on one machine and one server, a desk each: what a tenant who asks for more than there is does to one who asks for
 * little.
 */
import type { JsonObject } from "../../runtime/json.ts";
import { type DeskProcess, withDesk } from "../desk-process.ts";
import { openLoop, type Percentiles } from "../harness/index.ts";
import { BenchServer } from "../log/server.ts";
import { type DeskLoad, gathered, type Stretch, stretch } from "./desk.ts";

export interface TenantsOptions extends DeskLoad {
  /** Turns a second of the noisy tenant, whose customers are as many as the quiet one's. */
  readonly noisyRate: number;
}

export interface TenantsResult {
  /** The quiet tenant, while the other is idle and while it is not. */
  readonly alone: Stretch;
  readonly beside: Stretch;
  readonly noisy: { readonly turns: number; readonly failed: number; readonly turn: Percentiles | undefined };
}

export async function tenants(options: TenantsOptions): Promise<TenantsResult> {
  const { settings = {}, onProgress } = options;
  const server = await BenchServer.start();
  const { url, user, pass: password } = server.place;
  const of = (workspace: string): JsonObject => ({ ...settings, workspace, nats: { url, user, password } });
  onProgress?.("starting two desks");
  try {
    return await withDesk(of("quiet"), (quiet) =>
      withDesk(of("noisy"), (noisy) => besideEachOther(quiet, noisy, options)),
    );
  } finally {
    await server.stop();
  }
}

async function besideEachOther(
  quietDesk: DeskProcess,
  noisyDesk: DeskProcess,
  options: TenantsOptions,
): Promise<TenantsResult> {
  const { seconds, noisyRate, onProgress } = options;
  const quiet = await gathered(quietDesk, options, {});
  const noisy = await gathered(noisyDesk, options, {});
  onProgress?.("the quiet tenant alone");
  const alone = await stretch(quietDesk, quiet, options);
  onProgress?.("the quiet tenant beside the noisy one");
  const loud = openLoop({ rate: noisyRate, seconds }, async () => void (await noisy.turn()));
  const beside = await stretch(quietDesk, quiet, options);
  const { done, failed, latencies } = await loud;
  await Promise.all([quiet.leave(), noisy.leave()]);
  return { alone, beside, noisy: { turns: done, failed, turn: latencies.percentiles() } };
}
