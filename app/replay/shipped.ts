/** The recordings that the project ships. */
import { asset } from "../../runtime/config/paths.ts";

export const SHIPPED_RECORDINGS: readonly string[] = [
  asset("scenarios", "shop", "recordings"),
  asset("scenarios", "simulated"),
];
