/**
 * ECMAScript of SCXML documents: expressions and scripts over a data model that is plain JSON.
 *
 * The texts are compiled with `new Function`, as code of this process: a bench may do that with test cases that a
 * developer fetched, the product does no such thing.
 */
import { copyJson } from "../../../runtime/json.ts";

/** What a machine made from a document keeps. */
export interface Memory {
  readonly data: Readonly<Record<string, unknown>>;
  /** Ids given to what was sent without one. */
  readonly sends: number;
}

/** An event as XState has it; all but the type is ours. */
export interface MachineEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly output?: unknown;
  readonly kind?: "internal" | "external" | "platform";
  readonly sendid?: string;
  readonly invokeid?: string;
}

/** The names that an expression may use. */
export type Scope = Record<string, unknown>;

export type Compiled = (scope: Scope) => unknown;

export const PROCESSOR = "http://www.w3.org/TR/scxml/#SCXMLEventProcessor";
const SESSION = "bench";
export const OWN_LOCATION = `#_scxml_${SESSION}`;

/** Compiles the texts of one document, whose global functions they all may call. */
export class Expressions {
  readonly #functions: string;

  /** @param functions declarations, as text */
  constructor(functions: string) {
    this.#functions = functions;
  }

  /** A text that does not compile fails when it runs, as SCXML has it. */
  expression(text: string): Compiled {
    return this.#compile(`return (${text.replace(/;\s*$/, "")}\n);`);
  }

  script(text: string): Compiled {
    return this.#compile(text);
  }

  /** Assigns `scope.$value` to a place such as `a.b[1]`. */
  assignment(location: string): Compiled {
    return this.#compile(`(${location}) = $value;`);
  }

  #compile(body: string): Compiled {
    try {
      return new Function("$scope", `with ($scope) { ${this.#functions}\n${body} }`) as Compiled;
    } catch (error) {
      return () => {
        throw error;
      };
    }
  }
}

/** What of a document its expressions may use. */
export interface Names {
  /** Variables of the data model; one without a value is there all the same. */
  readonly variables: readonly string[];
  /** Name of the document. */
  readonly document: string | undefined;
}

export function scopeOf(
  names: Names,
  memory: Memory,
  event: MachineEvent,
  isIn: (state: string) => boolean,
): Scope {
  const scope: Scope = {};
  for (const name of names.variables) scope[name] = undefined;
  Object.assign(scope, copyJson(memory.data), {
    _event: scxmlEvent(event),
    _sessionid: SESSION,
    _name: names.document,
    _ioprocessors: { [PROCESSOR]: { location: OWN_LOCATION }, scxml: { location: OWN_LOCATION } },
    In: isIn,
  });
  return scope;
}

/** What a scope leaves behind: the data model. */
export function dataOf(scope: Scope): Record<string, unknown> {
  const { _event, _sessionid, _name, _ioprocessors, In, ...data } = scope;
  return data;
}

/** A name in SCXML's words. */
export function eventName(type: string): string {
  return type
    .replace(/^xstate\.done\.state\./, "done.state.")
    .replace(/^xstate\.done\.actor\./, "done.invoke.");
}

function scxmlEvent(event: MachineEvent): object | undefined {
  if (event.type === "xstate.init") return undefined;
  const name = eventName(event.type);
  const platform = name !== event.type || name.startsWith("error.");
  const invokeid = /^done\.invoke\.(.*)/.exec(name)?.[1] ?? event.invokeid;
  const type = event.kind ?? (platform ? "platform" : "external");
  const external = type === "external";
  return {
    name,
    type,
    sendid: event.sendid,
    origin: external ? (invokeid ? `#_${invokeid}` : OWN_LOCATION) : undefined,
    origintype: external ? PROCESSOR : undefined,
    invokeid,
    data: copyJson(event.data ?? event.output),
  };
}

/** The states that an expression asks for with `In('…')`. */
export function statesAskedFor(text: string): string[] {
  return [...new Set([...text.matchAll(/\bIn\s*\(\s*['"]([^'"]+)['"]\s*\)/g)].map((found) => found[1]!))];
}
