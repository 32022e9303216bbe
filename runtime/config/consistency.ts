/** What a schema of single settings cannot say: settings that need or exclude one another. */
import type { Config } from "./schema.ts";

export interface Inconsistency {
  readonly path: readonly string[];
  readonly what: string;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

export function inconsistencies(config: Config): Inconsistency[] {
  const found: Inconsistency[] = [];
  const add = (path: string, what: string) => found.push({ path: path.split("."), what });
  const { gateway, model, nats, dialog } = config;
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
  if (model.provider !== "none" && !model.model) {
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
  try {
    new Intl.DateTimeFormat("en", { timeZone: dialog.timeZone });
  } catch {
    add("dialog.timeZone", `"${dialog.timeZone}" is no time zone; use a name such as Europe/Berlin or UTC`);
  }
  return found;
}
