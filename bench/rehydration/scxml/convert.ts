/** SCXML documents as XState machines. What XState cannot express is refused, not bent. */
import { type AnyStateMachine, setup } from "../../../runtime/host/machine.ts";
import { Content, dataSent, valueGiven } from "./content.ts";
import { UnconvertibleError } from "./errors.ts";
import {
  type Compiled,
  Expressions,
  type MachineEvent,
  type Memory,
  type Names,
  scopeOf,
} from "./expressions.ts";
import { Transitions } from "./transitions.ts";
import { type Element, elementsOf, parseXml, textOf } from "./xml.ts";

type Config = Record<string, any>;
type Read = (src: string) => string;

/** What a machine made from a document starts with. */
interface Given extends Memory {
  /** Values that an invoking parent hands over for the data model. */
  readonly given: Readonly<Record<string, unknown>>;
}

const STATES = ["state", "parallel", "final", "history"];
const SCXML_TYPES = [undefined, "scxml", "http://www.w3.org/TR/scxml", "http://www.w3.org/TR/scxml/"];

/**
 * @param read a file beside the document, as text; throws UnconvertibleError where there is none
 * @throws UnconvertibleError, XmlError
 */
export function convert(text: string, read: Read = noFile): AnyStateMachine {
  return new Converter(parseXml(text), read).machine();
}

function noFile(src: string): never {
  throw new UnconvertibleError(`there is no file ${src}`);
}

class Converter {
  readonly #root: Element;
  readonly #read: Read;
  readonly #expressions: Expressions;
  readonly #names: Names;
  readonly #content: Content;
  readonly #transitions: Transitions;
  /** Ids of states; those without one get a number. */
  readonly #ids = new Map<Element, string>();
  readonly #data: readonly Element[];
  readonly #actors: Record<string, AnyStateMachine> = {};

  constructor(root: Element, read: Read) {
    if (root.name !== "scxml") throw new UnconvertibleError(`<${root.name}> is no SCXML document`);
    const { datamodel = "ecmascript", binding = "early" } = root.attributes;
    if (datamodel !== "ecmascript") throw new UnconvertibleError(`a data model of ${datamodel}`);
    if (binding !== "early") throw new UnconvertibleError("late binding of data");
    this.#root = root;
    this.#read = read;
    const states = within(root);
    for (const [n, state] of states.entries()) this.#ids.set(state, state.attributes.id ?? `(state ${n})`);
    this.#data = [root, ...states]
      .flatMap((each) => elementsOf(each, "datamodel"))
      .flatMap((each) => elementsOf(each, "data"));
    const scripts = elementsOf(root, "script").map((each) => this.#scriptText(each));
    const variables = scripts.filter((each) => !isLibrary(each)).flatMap(variablesOf);
    this.#names = {
      variables: [...this.#data.map((each) => each.attributes.id!), ...variables],
      document: root.attributes.name,
    };
    this.#expressions = new Expressions(scripts.filter(isLibrary).join("\n"));
    const known = new Set(this.#ids.values());
    const shared = { expressions: this.#expressions, names: this.#names, reference };
    this.#content = new Content({ ...shared, read });
    this.#transitions = new Transitions({ ...shared, content: this.#content, known });
  }

  machine(): AnyStateMachine {
    const config = this.#compound(this.#root);
    const begin = this.#data.map((each) => {
      const name = each.attributes.id!;
      const value = valueGiven(each, this.#expressions, this.#read);
      return this.#content.action([], (scope, memory) => {
        const { given } = memory as Given;
        scope[name] = Object.hasOwn(given, name) ? given[name] : value(scope);
      });
    });
    const scripts = elementsOf(this.#root, "script").filter((each) => !isLibrary(this.#scriptText(each)));
    return setup({ actors: this.#actors } as any).createMachine({
      ...config,
      id: "(scxml)",
      context: ({ input }: any): Given => ({ data: {}, sends: 0, given: input?.given ?? {} }),
      entry: [...begin, ...scripts.map((each) => this.#content.action([each]))],
      output: ({ event }: any) => event.output,
    } as any);
  }

  #state(element: Element): Config {
    const { name, attributes } = element;
    const id = this.#ids.get(element)!;
    const blocks = (which: string): any[] =>
      elementsOf(element, which).map((block) => this.#content.action(elementsOf(block)));
    if (name === "history") return { id, ...this.#history(element) };
    const config = {
      id,
      entry: blocks("onentry"),
      exit: blocks("onexit"),
      ...this.#transitions.of(element, id),
      invoke: elementsOf(element, "invoke").map((each, n) => this.#invoke(each, `${id}.invoke${n}`)),
    };
    if (name === "final") return { ...config, type: "final", output: this.#output(element) };
    if (name === "parallel") return { ...config, type: "parallel", states: this.#states(element) };
    return { ...config, ...this.#compound(element, attributes.initial) };
  }

  #states(element: Element): Config {
    return Object.fromEntries(
      elementsOf(element, ...STATES).map((child) => [this.#ids.get(child)!, this.#state(child)]),
    );
  }

  /** States within a state, and which of them is the first. */
  #compound(element: Element, initial = element.attributes.initial): Config {
    const states = this.#states(element);
    const children = elementsOf(element, ...STATES);
    if (children.length === 0) return {};
    const transition = elementsOf(element, "initial").flatMap((each) => elementsOf(each, "transition"))[0];
    const first = children.find((child) => child.name !== "history") ?? children[0]!;
    const targets = words(transition?.attributes.target ?? initial ?? this.#ids.get(first)!);
    const content = transition && elementsOf(transition);
    const actions = content?.length ? [this.#content.action(content)] : [];
    const [target, ...others] = targets;
    if (others.length === 0 && Object.hasOwn(states, target!))
      return { initial: { target, actions }, states };
    // XState enters a child first; from there an eventless transition leads to what lies deeper.
    const key = `(initial ${this.#ids.get(element) ?? ""})`;
    const enter = { always: { target: this.#transitions.targets(targets), actions } };
    return { initial: key, states: { [key]: enter, ...states } };
  }

  #history(element: Element): Config {
    const [transition] = elementsOf(element, "transition");
    if (transition && elementsOf(transition).length > 0) {
      throw new UnconvertibleError("content in the default transition of <history>");
    }
    const target = transition && this.#transitions.targets(words(transition.attributes.target ?? ""));
    return { type: "history", history: element.attributes.type ?? "shallow", target };
  }

  #output(element: Element): unknown {
    const [donedata] = elementsOf(element, "donedata");
    return donedata && this.#computed(dataSent(donedata, this.#expressions, this.#read));
  }

  #invoke(element: Element, name: string): Config {
    const { attributes } = element;
    for (const each of ["typeexpr", "srcexpr", "idlocation", "autoforward"]) {
      if (attributes[each] !== undefined) throw new UnconvertibleError(`<invoke> with ${each}`);
    }
    if (!SCXML_TYPES.includes(attributes.type))
      throw new UnconvertibleError(`<invoke> of ${attributes.type}`);
    if (elementsOf(element, "finalize").length > 0) throw new UnconvertibleError("<finalize>");
    const [content] = elementsOf(element, "content");
    const [inline] = content ? elementsOf(content) : [];
    if (!inline && attributes.src === undefined) throw new UnconvertibleError("<invoke> of what is computed");
    const document = inline ?? parseXml(this.#read(attributes.src!));
    const id = attributes.id ?? name;
    this.#actors[id] = new Converter(document, this.#read).machine();
    const params = { ...element, children: elementsOf(element, "param") };
    const given = this.#computed(dataSent(params, this.#expressions, this.#read));
    return { id, src: id, input: (args: any) => ({ given: given(args) ?? {} }) };
  }

  /** A value for XState; where computing it fails, SCXML's error has no place to go and there is none. */
  #computed(value: Compiled): (args: { context: Memory; event: MachineEvent }) => any {
    return ({ context, event }) => {
      try {
        return value(scopeOf(this.#names, context, event, () => false));
      } catch {
        return undefined;
      }
    };
  }

  #scriptText(script: Element): string {
    return script.attributes.src === undefined ? textOf(script) : this.#read(script.attributes.src);
  }
}

/** How targets and `stateIn` name a state. */
function reference(state: string): string {
  return `#${state.replace(/[\\.]/g, "\\$&")}`;
}

/** All states within an element, in document order. */
function within(element: Element): Element[] {
  return elementsOf(element, ...STATES).flatMap((state) => [state, ...within(state)]);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}

/** A global script that declares functions only; all expressions may call them. */
function isLibrary(script: string): boolean {
  return /^\s*(?:\/\/[^\n]*\n\s*)*function\b/.test(script);
}

function variablesOf(script: string): string[] {
  return [...script.matchAll(/^\s*var\s+(\w+)/gm)].map((found) => found[1]!);
}
