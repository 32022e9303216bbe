/** Listening on an address, and what can be wrong with one. */
import { createServer } from "node:net";

/** The gateway cannot start; the message says why and which command mends it. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  /** A setting that a person has to change. */
  readonly exitCode = 2;
}

export const DEFAULT_PORT = 7420;

/**
 * Looks whether the gateway will be able to listen, so that a busy port is told at once and not after all else has
 * started. @throws GatewayError
 */
export function checkAddress(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

export function listenError(error: NodeJS.ErrnoException, host: string, port: number): GatewayError {
  const another = port < 65_535 ? port + 1 : DEFAULT_PORT;
  const what: Record<string, string> = {
    EADDRINUSE: `port ${port} on ${host} is in use: stop what listens there (\`ss -ltnp 'sport = :${port}'\` names it) or start with another port, \`bin/bailiwick up --port ${another}\``,
    EACCES: `port ${port} needs rights that this user does not have: start with a port above 1023, \`bin/bailiwick up --port ${DEFAULT_PORT}\``,
    EADDRNOTAVAIL: `gateway.host ${host} is not an address of this machine: set it to one that \`ip address\` lists, or to 127.0.0.1`,
  };
  return new GatewayError(
    what[error.code ?? ""] ?? `the gateway cannot listen on ${host}:${port}: ${error.message}`,
    { cause: error },
  );
}
