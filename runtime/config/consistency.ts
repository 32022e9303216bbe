/** What a schema of single settings cannot say: settings that need or exclude one another. */
import { isAbsolute, relative, resolve } from "node:path";
import type { Config } from "./schema.ts";

export interface Inconsistency {
  readonly path: readonly string[];
  readonly what: string;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

function isWithin(path: string, folder: string): boolean {
  const way = relative(resolve(folder), resolve(path));
  return !way.startsWith("..") && !isAbsolute(way);
}

export function inconsistencies(config: Config): Inconsistency[] {
  const found: Inconsistency[] = [];
  const add = (path: string, what: string) => found.push({ path: path.split("."), what });
  const { gateway, model, nats, dialog, backup, dataDir } = config;
  if (gateway.customerAuth === "open" && !LOOPBACK.test(gateway.host)) {
    add(
      "gateway.host",
      `${gateway.host} can be reached from other machines, and gateway.customerAuth is "open": set it to "token", or listen on 127.0.0.1`,
    );
  }
  if (gateway.customerAuth === "token" && !gateway.customerSecret) {
    add(
      "gateway.customerAuth",
      '"token" needs gateway.customerSecret (or BAILIWICK_GATEWAY_CUSTOMER_SECRET_FILE)',
    );
  }
  if (model.provider === "recorded" && model.recordings.length === 0) {
    add(
      "model.provider",
      '"recorded" needs model.recordings, files or folders that bin/bailiwick record has made',
    );
  }
  if ((model.provider === "ollama" || model.provider === "openai") && !model.model) {
    add("model.provider", `"${model.provider}" needs model.model, the name of the model to ask`);
  }
  if (model.provider === "openai" && !model.url) {
    add("model.provider", '"openai" needs model.url, such as http://127.0.0.1:8000/v1');
  }
  if (model.url !== undefined && !/^https?:\/\/[^\s]+$/.test(model.url)) {
    add("model.url", "must be an http:// or https:// address");
  }
  if (nats.url && nats.server)
    add("nats.server", "is not used when nats.url names an outside server; remove one");
  if (!nats.url && (nats.user || nats.password || nats.token)) {
    add("nats.url", "credentials are given but no nats.url; the desk's own server makes its own");
  }
  if (backup.eraseList !== undefined && isWithin(backup.eraseList, dataDir)) {
    add(
      "backup.eraseList",
      `${backup.eraseList} is in the data directory, which it has to outlive: put it elsewhere, best on another disk`,
    );
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone: dialog.timeZone });
  } catch {
    add("dialog.timeZone", `"${dialog.timeZone}" is no time zone; use a name such as Europe/Berlin or UTC`);
  }
  return found;
}
