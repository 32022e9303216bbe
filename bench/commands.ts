/** `bench`: latency and throughput of the desk's parts on this machine, and what the engine promises. */
import type { Command } from "commander";
import type { CliEnv, Contributor } from "../runtime/config/cli.ts";
import { addChaos } from "./chaos/commands.ts";
import { addCost } from "./cost/commands.ts";
import { addDesk } from "./desk/commands.ts";
import { addEngine } from "./engine/commands.ts";
import { addErase } from "./erase/commands.ts";
import { addLog } from "./log/commands.ts";
import { addMemory } from "./memory/commands.ts";
import { addNodes } from "./nodes/commands.ts";
import { addPeers } from "./peers/commands.ts";
import { addPrinting } from "./printed.ts";
import { addRecovery } from "./recovery/commands.ts";
import { addRehydration } from "./rehydration/commands.ts";
import { addSoak } from "./soak/commands.ts";

export const commands: Contributor = (program: Command, env: CliEnv) => {
  const bench = addPrinting(program.command("bench").description("latency and throughput on this machine"));
  addChaos(bench, env);
  addCost(bench, env);
  addDesk(bench, env);
  addEngine(bench, env);
  addErase(bench, env);
  addLog(bench, env);
  addMemory(bench, env);
  addNodes(bench, env);
  addPeers(bench, env);
  addRecovery(bench, env);
  addRehydration(bench, env);
  addSoak(bench, env);
};
