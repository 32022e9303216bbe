/** What the project ships for the company that a fresh desk serves. */
import { asset } from "../runtime/config/paths.ts";

export const SHOP_ARTICLES = asset("actors/knowledge/shop");
