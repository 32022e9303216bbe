/** The rooms that contribute commands, in the order of the help text. Their files are light: see runtime/config/cli.ts. */
import { commands as language } from "../actors/language/commands.ts";
import { commands as playbooks } from "../actors/playbooks/commands.ts";
import { commands as skills } from "../actors/skills/commands.ts";
import { commands as bench } from "../bench/commands.ts";
import { commands as memory } from "../memory/commands.ts";
import type { Contributor } from "../runtime/config/cli.ts";
import { commands as config } from "../runtime/config/commands.ts";
import { commands as experiments } from "../scenarios/experiments/commands.ts";
import { commands as backup } from "./backup/commands.ts";
import { commands as chat } from "./chat/commands.ts";
import { commands as customer } from "./customer/commands.ts";
import { commands as demo } from "./demo/commands.ts";
import { commands as doctor } from "./doctor/commands.ts";
import { commands as replay } from "./replay/commands.ts";
import { commands as search } from "./search/commands.ts";
import { commands as up } from "./up.ts";

export const contributors: readonly Contributor[] = [
  up,
  chat,
  customer,
  demo,
  replay,
  experiments,
  skills,
  playbooks,
  memory,
  search,
  language,
  bench,
  backup,
  config,
  doctor,
];
