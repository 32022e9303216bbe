/**
 * Host and Origin. A page of another site can make a browser send requests to a loopback port, and by rebinding its own
 * name to 127.0.0.1 can read the answers; the Host header then holds that name. So a host must be an address, localhost
 * or a configured name, and an origin must be the desk itself or a configured one.
 */
import { isIP } from "node:net";
import { ProblemError } from "./problem.ts";

export interface OriginRules {
  /** Names by which the desk is reached besides localhost and plain addresses. */
  readonly hosts: readonly string[];
  /** Origins (`https://shop.example`) whose pages may call the desk. */
  readonly origins: readonly string[];
}

export function isLoopback(host: string): boolean {
  const name = bare(host);
  return name === "localhost" || name === "::1" || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/** @throws ProblemError 421 for a host that is not ours, 403 for a foreign origin. */
export function checkOrigin(host: string | undefined, origin: string | undefined, rules: OriginRules): void {
  const name = host === undefined ? undefined : hostname(host);
  if (name === undefined || !(name === "localhost" || isIP(name) !== 0 || rules.hosts.includes(name))) {
    throw new ProblemError(
      421,
      "Misdirected request",
      `The desk does not serve the host ${JSON.stringify(host ?? "")}: use its address or localhost, or add the name to gateway.allowedHosts.`,
      { errors: [{ field: "header.host", detail: "is not a name of this desk" }] },
    );
  }
  if (origin === undefined) return;
  const own = origin === `http://${host}` || origin === `https://${host}`;
  if (!own && !rules.origins.includes(origin)) {
    throw new ProblemError(
      403,
      "Forbidden",
      `Pages of ${JSON.stringify(origin)} may not call the desk: add it to gateway.allowedOrigins if they should.`,
      { errors: [{ field: "header.origin", detail: "is not an origin of this desk" }] },
    );
  }
}

/** The name in a Host header, lower case, without port and brackets; undefined when it is not one. */
function hostname(host: string): string | undefined {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.exec(host);
  return parts ? bare(parts[1]!.toLowerCase()) : undefined;
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}
