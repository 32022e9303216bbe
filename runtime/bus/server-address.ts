/** Where servers are, as a person writes it, and why one could not be reached. */
import type { NatsError } from "nats";
import { BusConnectError } from "./errors.ts";

export interface Places {
  /** Without credentials: errors name them. */
  readonly servers: string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/**
 * An address may carry the credentials: `nats://user:pass@host:port` or `nats://token@host:port`, percent-encoded.
 * @throws BusConnectError for what is no address
 */
export function placesOf(url: string | readonly string[]): Places {
  const parts = (typeof url === "string" ? url.split(",") : url).map((part) => part.trim());
  const places: { -readonly [K in keyof Places]: Places[K] } = { servers: [] };
  for (const part of parts) {
    const found = /^([a-z]+:\/\/)?(?:([^@/\s]*)@)?([^@/\s]+)\/?$/i.exec(part);
    if (!found) {
      const shown = part.replace(/[^/\s]*@/, "***@");
      throw new BusConnectError(
        `${JSON.stringify(shown)} is no address of a NATS server: it is written nats://host:port`,
      );
    }
    const [, scheme = "nats://", who, place] = found;
    places.servers.push(`${scheme}${place}`);
    if (!who) continue;
    const [first, second] = who.split(":").map(decodeURIComponent);
    if (second === undefined) places.token = first;
    else Object.assign(places, { user: first, pass: second });
  }
  return places;
}

/** Why no connection came about, and what mends it. */
export function connectFailure(servers: string | string[], timeoutMs: number, error: NatsError): string {
  const where = String(servers);
  switch (error.code) {
    case "CONNECTION_REFUSED":
      return `no NATS server listens at ${where}: start it, or correct nats.url`;
    case "AUTHORIZATION_VIOLATION":
    case "BAD_AUTHENTICATION":
      return `the NATS server at ${where} refused the credentials: check user, password or token`;
    case "TIMEOUT":
    case "CONNECTION_TIMEOUT":
      return `the NATS server at ${where} did not answer within ${timeoutMs} ms`;
    default:
      return `cannot connect to NATS at ${where}: ${error.message}`;
  }
}
