/** What the project ships for the company that a fresh desk serves. */
import { join } from "node:path";
import { asset, cacheDir } from "../runtime/config/paths.ts";

export const SHOP_ARTICLES = asset("actors/knowledge/shop");

/** Where set-up keeps what it has learnt from it. */
export function learntDir(): string {
  return join(cacheDir(), "language");
}
