/**
 * A system of the company's own behind one HTTP endpoint.
 *
 *     POST <url>   {"operation": "get", "input": {…}}      Idempotency-Key: <key>
 *
 * 200 with a JSON object is the value; `X-As-Of` (ISO time) may say how old it is. 400/422, 403, 404 and 409 with
 * `{"reason": "not_cancellable", "message": "…"}` are refusals; anything else is a failure of the system. Where `lookup`
 * is set, `{"operation": "lookup", "input": {"key": …}}` is answered `{"found": false}` or
 * `{"found": true, "result": {…}}`.
 */
import { AskError } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { Refusal } from "../skills/backoffice/index.ts";
import { operationOf } from "../skills/inventory.ts";
import type { AnySkill } from "../skills/skill.ts";
import type { Connector, ConnectorAnswer, ConnectorCall } from "./connector.ts";

export interface HttpSystemOptions {
  readonly url: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string;
  /** The system applies one `Idempotency-Key` once. Default false. */
  readonly honoursKeys?: boolean;
  /** The system answers the operation `lookup`. Default false. */
  readonly lookup?: boolean;
  /** Largest answer that is read. Default 1 MiB. */
  readonly maxBytes?: number;
}

const REFUSALS: Readonly<Record<number, string>> = {
  400: "invalid",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  422: "invalid",
};

export function httpConnector(system: string, options: HttpSystemOptions): Connector {
  const maxBytes = options.maxBytes ?? 1024 * 1024;

  async function post(operation: string, input: JsonObject, call: ConnectorCall): Promise<ConnectorAnswer> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(options.url, {
        method: "POST",
        redirect: "error",
        signal: call.signal,
        headers: {
          "content-type": "application/json",
          accept: "application/json",
          "idempotency-key": call.key,
          ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
        },
        body: JSON.stringify({ operation, input }),
      });
      text = await readUpTo(response, maxBytes, system);
    } catch (error) {
      if (error instanceof AskError || call.signal.aborted) throw error;
      const cause = (error as { cause?: { code?: string } }).cause?.code;
      throw new AskError("unavailable", `${system} cannot be reached${cause ? ` (${cause})` : ""}`, true);
    }
    const body = parse(text);
    if (response.ok) {
      if (!body) throw lie(system, "answered something that is no JSON object");
      const asOf = Date.parse(response.headers.get("x-as-of") ?? "");
      return Number.isNaN(asOf) ? { value: body } : { value: body, asOf };
    }
    const code = REFUSALS[response.status];
    if (code) {
      const word =
        typeof body?.reason === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(body.reason) ? body.reason : code;
      throw new Refusal(code, word, `${system} says no (${response.status})`);
    }
    const overloaded = response.status === 429 || response.status === 503;
    throw new AskError(overloaded ? "unavailable" : "failed", `${system} answered ${response.status}`, true);
  }

  return {
    kind: "http",
    honoursKeys: options.honoursKeys ?? false,
    async execute(skill, input, call) {
      const answer = await post(operationOf(skill.name), input, call);
      checkAnswer(system, skill, input, answer.value);
      return answer;
    },
    ...(options.lookup
      ? {
          async lookup(key: string, call: ConnectorCall) {
            const { value } = await post("lookup", { key }, call);
            if (value.found === false) return { found: false } as const;
            const result = value.result;
            if (
              value.found !== true ||
              typeof result !== "object" ||
              result === null ||
              Array.isArray(result)
            ) {
              throw lie(system, "answered a lookup with neither found nor not found");
            }
            return { found: true, result: result as JsonObject } as const;
          },
        }
      : {}),
  };
}

/** An answer that cannot be true: it is refused, and counts against the system's health. */
function lie(system: string, what: string): AskError {
  return new AskError("failed", `${system} ${what}`, true);
}

/** The shape has to be that of the skill, and no record may be of another customer than the one asked about. */
function checkAnswer(system: string, skill: AnySkill, input: JsonObject, value: JsonObject): void {
  const parsed = skill.output?.safeParse(value);
  if (parsed && !parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw lie(
      system,
      `answered ${skill.name} in another shape: ${issue.path.join(".") || "it"} ${issue.message}`,
    );
  }
  const { customerId } = input;
  if (typeof customerId === "string" && namesAnother(value, customerId, 0)) {
    throw lie(system, `answered ${skill.name} with a record of another customer`);
  }
}

function namesAnother(value: unknown, customerId: string, depth: number): boolean {
  if (typeof value !== "object" || value === null || depth > 4) return false;
  if (Array.isArray(value)) return value.some((v) => namesAnother(v, customerId, depth + 1));
  const owner = (value as JsonObject).customerId;
  if (typeof owner === "string" && owner !== customerId) return true;
  return Object.values(value).some((v) => namesAnother(v, customerId, depth + 1));
}

function parse(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function readUpTo(response: Response, maxBytes: number, system: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw lie(system, `answered more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
