/**
 * Two workspaces on one machine and one server, a desk each: what a tenant who asks for more than there is does to one who asks for
 * little.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeskProcess } from "../desk-process.ts";
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
  const { seconds, noisyRate, settings = {}, onProgress } = options;
  const server = await BenchServer.start();
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
  const desks: DeskProcess[] = [];
  try {
    const { url, user, pass: password } = server.place;
    const start = async (workspace: string): Promise<DeskProcess> => {
      const own = join(dir, workspace);
      await mkdir(own, { mode: 0o700 });
      const desk = await DeskProcess.start(own, { ...settings, workspace, nats: { url, user, password } });
      desks.push(desk);
      return desk;
    };
    onProgress?.("starting two desks");
    const starts = [start("quiet"), start("noisy")] as const;
    // Whichever fails, the other one is there to be stopped.
    await Promise.allSettled(starts);
    const [quietDesk, noisyDesk] = await Promise.all(starts);
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
  } finally {
    await Promise.all(desks.map((desk) => desk.stop()));
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  }
}
