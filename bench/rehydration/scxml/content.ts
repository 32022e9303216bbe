/** Executable content of SCXML documents as actions of XState: one action for each block. */
import { cancel, enqueueActions, raise, sendParent, sendTo, stateIn } from "../../../runtime/host/machine.ts";
import { UnconvertibleError } from "./errors.ts";
import {
  type Compiled,
  dataOf,
  type Expressions,
  type MachineEvent,
  type Memory,
  type Names,
  OWN_LOCATION,
  PROCESSOR,
  type Scope,
  scopeOf,
} from "./expressions.ts";
import { type Element, elementsOf, textOf } from "./xml.ts";

export interface ContentOptions {
  readonly expressions: Expressions;
  readonly names: Names;
  /** A file beside the document, as text. @throws UnconvertibleError */
  readonly read: (src: string) => string;
  /** How XState's targets name a state. */
  readonly reference: (state: string) => string;
}

/** One block under way. */
interface Run {
  readonly scope: Scope;
  readonly enqueue: (action: any) => void;
  /** Name that this machine has as a child; undefined for the root. */
  readonly self: { readonly id: string; readonly parent: boolean; readonly child: (id: string) => unknown };
  sends: number;
}

type Statement = (run: Run) => void;

/** What went wrong at run time, as the event that says so. */
class ContentError extends Error {
  constructor(
    readonly event: string,
    readonly sendid?: string,
  ) {
    super(event);
  }
}

export class Content {
  readonly #options: ContentOptions;

  constructor(options: ContentOptions) {
    this.#options = options;
  }

  /** The action of one block; an error in it ends the block and raises `error.execution`. */
  action(elements: readonly Element[], also?: (scope: Scope, memory: Memory) => void): any {
    const statements = elements.map((each) => this.#statement(each));
    const { names, reference } = this.#options;
    return enqueueActions(({ context, event, enqueue, check, self }: any) => {
      const memory = context as Memory;
      const scope = scopeOf(names, memory, event, (state) => check(stateIn(reference(state))));
      const child = (id: string) => self.getSnapshot()?.children?.[id];
      const parent = (self as { _parent?: unknown })._parent !== undefined;
      const run: Run = { scope, enqueue, self: { id: self.id, parent, child }, sends: memory.sends };
      try {
        also?.(scope, memory);
        for (const statement of statements) statement(run);
      } catch (error) {
        const { event: type = "error.execution", sendid } = error as Partial<ContentError>;
        enqueue.raise({ type, kind: "platform", sendid } satisfies MachineEvent);
      }
      enqueue.assign({ data: dataOf(scope), sends: run.sends } satisfies Memory);
    });
  }

  #statement(element: Element): Statement {
    const { name, attributes } = element;
    const { expressions } = this.#options;
    switch (name) {
      case "raise":
        return ({ enqueue }) => enqueue(raise({ type: attributes.event!, kind: "internal" } as any));
      case "log": {
        const said = expressions.expression(attributes.expr ?? "''");
        return ({ scope }) => void said(scope);
      }
      case "script": {
        const text = attributes.src ? this.#options.read(attributes.src) : textOf(element);
        const script = expressions.script(text);
        return ({ scope }) => void script(scope);
      }
      case "assign":
        return this.#assign(attributes.location ?? "", this.#value(element));
      case "if":
        return this.#if(element);
      case "foreach":
        return this.#foreach(element);
      case "send":
        return this.#send(element);
      case "cancel": {
        const id = expressions.expression(attributes.sendidexpr ?? JSON.stringify(attributes.sendid));
        return ({ scope, enqueue }) => enqueue(cancel(String(id(scope))));
      }
      default:
        throw new UnconvertibleError(`<${name}> in executable content`);
    }
  }

  /** The value that an element gives by `expr`, by a file or by its text. */
  #value(element: Element): Compiled {
    return valueGiven(element, this.#options.expressions, this.#options.read);
  }

  #assign(location: string, value: Compiled): Statement {
    const root = /^\s*([A-Za-z$][\w$]*)/.exec(location)?.[1] ?? "";
    const assignment = this.#options.expressions.assignment(location);
    return ({ scope }) => {
      const found = value(scope);
      if (!(root in dataOf(scope))) throw new ReferenceError(`${location} is no place in the data model`);
      try {
        assignment(Object.assign(scope, { $value: found }));
      } finally {
        delete scope.$value;
      }
    };
  }

  #if(element: Element): Statement {
    const { expressions } = this.#options;
    const branches: { cond: Compiled; statements: Statement[] }[] = [];
    const begin = (cond: string): void => {
      branches.push({ cond: expressions.expression(cond), statements: [] });
    };
    begin(element.attributes.cond!);
    for (const child of elementsOf(element)) {
      if (child.name === "elseif") begin(child.attributes.cond!);
      else if (child.name === "else") begin("true");
      else branches.at(-1)!.statements.push(this.#statement(child));
    }
    return (run) => {
      for (const statement of branches.find(({ cond }) => cond(run.scope))?.statements ?? []) statement(run);
    };
  }

  #foreach(element: Element): Statement {
    const { array, item, index } = element.attributes;
    const list = this.#options.expressions.expression(array ?? "undefined");
    const body = elementsOf(element).map((each) => this.#statement(each));
    return (run) => {
      const items = list(run.scope);
      if (!Array.isArray(items)) throw new TypeError("<foreach> needs an array");
      if (!/^[A-Za-z$_][\w$]*$/.test(item ?? ""))
        throw new SyntaxError("<foreach> needs a name for its items");
      for (const [n, each] of [...items].entries()) {
        run.scope[item!] = each;
        if (index) run.scope[index] = n;
        for (const statement of body) statement(run);
      }
      // Names that came into being stay, and without a value they could not be kept.
      run.scope[item!] ??= null;
    };
  }

  #send(element: Element): Statement {
    const { attributes } = element;
    const { expressions } = this.#options;
    const either = (name: string): Compiled => {
      const [plain, computed] = [attributes[name], attributes[`${name}expr`]];
      return computed === undefined ? () => plain : expressions.expression(computed);
    };
    const parts = {
      event: either("event"),
      target: either("target"),
      type: either("type"),
      delay: either("delay"),
    };
    const { idlocation } = attributes;
    const setId = idlocation ? (id: string) => this.#assign(idlocation, () => id) : undefined;
    const data = dataSent(element, expressions, this.#options.read);
    if (/BasicHTTP/.test(attributes.type ?? "")) throw new UnconvertibleError("needs an HTTP server");
    return (run) => {
      const { scope } = run;
      const sendid = attributes.id ?? (setId ? `send.${run.sends}` : undefined);
      const scheduled = attributes.id ?? `send.${run.sends}`;
      run.sends++;
      setId?.(scheduled)(run);
      const event: MachineEvent = {
        type: String(parts.event(scope)),
        data: data(scope),
        kind: "external",
        sendid,
      };
      const type = parts.type(scope);
      if (
        type !== undefined &&
        type !== PROCESSOR &&
        type !== "scxml" &&
        type !== PROCESSOR.replace(/#.*/, "")
      ) {
        throw new ContentError("error.execution", sendid);
      }
      const delay = milliseconds(parts.delay(scope));
      run.enqueue(
        delivery(run, String(parts.target(scope) ?? OWN_LOCATION), event, { id: scheduled, delay }),
      );
    };
  }
}

/**
 * The action that brings an event to where it is sent. What has no delay is due at once, behind what the machine says to
 * itself: a timer of 0 ms.
 * @throws ContentError
 */
function delivery(
  run: Run,
  target: string,
  event: MachineEvent,
  options: { id: string; delay: number },
): any {
  const soon = options.delay > 0 ? options : undefined;
  if (target === "#_internal") return raise({ ...event, kind: "internal" } as any);
  if (target === OWN_LOCATION) return sendTo(({ self }: any) => self, event as any, options);
  if (target === "#_parent" && run.self.parent) {
    return sendParent({ ...event, invokeid: run.self.id } as any, soon);
  }
  const child = /^#_(?!scxml_)(.+)$/.exec(target)?.[1];
  if (child && run.self.child(child)) return sendTo(run.self.child(child) as any, event as any, soon);
  throw new ContentError(target.startsWith("#_") ? "error.communication" : "error.execution", event.sendid);
}

/** What `expr`, `src` or the text of an element says; a text is JSON, or else words. */
export function valueGiven(
  element: Element,
  expressions: Expressions,
  read: ContentOptions["read"],
): Compiled {
  const { expr, src } = element.attributes;
  if (expr !== undefined) return expressions.expression(expr);
  if (elementsOf(element).length > 0) throw new UnconvertibleError("XML as data");
  const text = (src === undefined ? textOf(element) : read(src)).trim();
  if (text === "") return () => undefined;
  if (text.startsWith("<")) throw new UnconvertibleError("XML as data");
  const value = expressions.expression(text);
  return (scope) => {
    try {
      return JSON.parse(text);
    } catch {
      return /^[[{'"]/.test(text) ? value(scope) : text.replace(/\s+/g, " ");
    }
  };
}

/** Data of an event or of an invocation: `namelist` and `<param>`, or `<content>`. */
export function dataSent(element: Element, expressions: Expressions, read: ContentOptions["read"]): Compiled {
  const [content] = elementsOf(element, "content");
  if (content) return valueGiven(content, expressions, read);
  const listed = (element.attributes.namelist ?? "").split(/\s+/).filter(Boolean);
  const given = elementsOf(element, "param").map(({ attributes: { name, expr, location } }) => [
    name!,
    expr ?? location!,
  ]);
  const params = [...listed.map((name) => [name, name]), ...given].map(
    ([name, text]) => [name!, expressions.expression(text!)] as const,
  );
  if (params.length === 0) return () => undefined;
  return (scope) => Object.fromEntries(params.map(([name, value]) => [name, value(scope)]));
}

/** `1.5s`, `20ms`, or nothing. */
function milliseconds(delay: unknown): number {
  if (delay === undefined) return 0;
  const [, number, unit] = /^\s*(\d*\.?\d+)\s*(ms|s|m|h)?\s*$/.exec(String(delay)) ?? [];
  if (number === undefined) throw new RangeError(`${String(delay)} is no delay`);
  return Number(number) * ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit ?? "ms"] ?? 1);
}
