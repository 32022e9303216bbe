/** How a data agent reaches its system. */
import type { JsonObject } from "../../runtime/json.ts";
import type { BackOffice } from "../skills/backoffice/index.ts";
import type { AnySkill } from "../skills/skill.ts";

export interface ConnectorCall {
  /** Idempotency key. */
  readonly key: string;
  /** ms since the epoch, on the desk's clock. */
  readonly now: number;
  readonly signal: AbortSignal;
}

export interface ConnectorAnswer {
  readonly value: JsonObject;
  /** ms since the epoch: as of when the system says so; now unless given. */
  readonly asOf?: number;
}

export type LookUp = { readonly found: false } | { readonly found: true; readonly result: JsonObject };

export interface Connector {
  /** `embedded`, `http`; for the status. */
  readonly kind: string;
  /** The system applies one idempotency key once, so a write may be repeated. */
  readonly honoursKeys: boolean;
  /** @throws AskError for a refusal or a system that cannot be reached; anything else is a failure of the system. */
  execute(skill: AnySkill, input: JsonObject, call: ConnectorCall): Promise<ConnectorAnswer>;
  /** What came of a key, where the system can be asked. */
  lookup?(key: string, call: ConnectorCall): Promise<LookUp>;
}

/** The embedded back office. */
export function embeddedConnector(office: BackOffice): Connector {
  return {
    kind: "embedded",
    honoursKeys: true,
    async execute(skill, input, { key, now }) {
      return { value: await skill.run(input, { office, key, now }) };
    },
    async lookup(key) {
      const applied = await office.lookup(key);
      return applied ? { found: true, result: { ...applied } } : { found: false };
    },
  };
}
