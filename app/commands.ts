/** The rooms that contribute commands, in the order of the help text. Their files are light: see runtime/config/cli.ts. */
import type { Contributor } from "../runtime/config/cli.ts";
import { commands as config } from "../runtime/config/commands.ts";
import { commands as doctor } from "./doctor/commands.ts";

export const contributors: readonly Contributor[] = [config, doctor];
