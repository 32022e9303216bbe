/** The data agents: one resident agent for each system of record. */
import type { Service } from "../../runtime/host/service.ts";
import type { BackOffice } from "../skills/backoffice/index.ts";
import { Inventory } from "../skills/inventory.ts";
import { type AgentOptions, dataAgent } from "./agent.ts";
import { embeddedConnector } from "./connector.ts";
import { type Faults, withFaults } from "./faults.ts";
import { type HttpSystemOptions, httpConnector } from "./http-connector.ts";
import { WriteJournal } from "./write-journal.ts";

export type { AgentOptions } from "./agent.ts";
export { type Fault, Faults } from "./faults.ts";
export type { HttpSystemOptions } from "./http-connector.ts";

/** Those of the configured systems that have an address. */
export function systemsOf(
  configured: Readonly<Record<string, Omit<HttpSystemOptions, "url"> & { readonly url?: string }>>,
): Record<string, HttpSystemOptions> {
  const reached: Record<string, HttpSystemOptions> = {};
  for (const [name, { url, ...rest }] of Object.entries(configured))
    if (url) reached[name] = { url, ...rest };
  return reached;
}

export interface DataAgentsOptions extends AgentOptions {
  /** The embedded back office, on the dataset that the desk serves. */
  readonly backOffice: BackOffice;
  /** The built-in skills unless given. */
  readonly inventory?: Inventory;
  /** Systems that are reached over HTTP instead of the embedded back office, by name (`orders`, `billing` …). */
  readonly systems?: Readonly<Record<string, HttpSystemOptions>>;
  /** Only for scenarios and their admin route. */
  readonly faults?: Faults;
}

/** @throws Error when a system is configured that no skill belongs to. */
export function dataAgents(options: DataAgentsOptions): Service[] {
  const inventory = options.inventory ?? new Inventory();
  const names = inventory.systems();
  for (const name of Object.keys(options.systems ?? {})) {
    if (!names.includes(name)) throw new Error(`there is no system ${name}: known are ${names.join(", ")}`);
  }
  const journal = new WriteJournal(options.backOffice);
  return names.map((system) => {
    const http = options.systems?.[system];
    const connector = http ? httpConnector(system, http) : embeddedConnector(options.backOffice);
    const reached = options.faults ? withFaults(system, connector, options.faults) : connector;
    return dataAgent(system, inventory.of(system), reached, journal, options);
  });
}
