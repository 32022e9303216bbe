/** Reads XML as far as SCXML documents use it: elements, attributes, text. Prefixes of names are dropped. */

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (Element | string)[];
}

export class XmlError extends Error {
  override readonly name = "XmlError";
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const TOKEN =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!DOCTYPE[^>]*>|<!\[CDATA\[([\s\S]*?)\]\]>|<\/([^\s>]+)\s*>|<([^\s/>]+)((?:"[^"]*"|'[^']*'|[^"'>])*?)(\/?)>|([^<]+)/g;

/** The root element of a document. @throws XmlError */
export function parseXml(text: string): Element {
  const top: { name: string; children: (Element | string)[] } = { name: "", children: [] };
  const open = [top];
  let end = 0;
  for (const token of text.matchAll(TOKEN)) {
    if (token.index !== end) throw new XmlError(`no XML at ${JSON.stringify(text.slice(end, end + 20))}`);
    end = token.index + token[0].length;
    const [, cdata, closed, opened, attributes, empty, plain] = token;
    const within = open.at(-1)!.children;
    if (cdata !== undefined) within.push(cdata);
    else if (plain !== undefined) within.push(decode(plain));
    else if (opened !== undefined) {
      const element = { name: local(opened), attributes: attributesOf(attributes ?? ""), children: [] };
      within.push(element);
      if (!empty) open.push(element);
    } else if (closed !== undefined && open.pop()!.name !== local(closed)) {
      throw new XmlError(`</${closed}> closes something else`);
    }
  }
  const roots = elementsOf(top);
  if (end !== text.length || open.length !== 1 || roots.length !== 1)
    throw new XmlError("no single root element");
  return roots[0]!;
}

/** Child elements, of one name where it is given. */
export function elementsOf(parent: Pick<Element, "children">, ...names: readonly string[]): Element[] {
  return parent.children.filter(
    (child): child is Element =>
      typeof child !== "string" && (names.length === 0 || names.includes(child.name)),
  );
}

/** Text directly within an element. */
export function textOf(element: Element): string {
  return element.children.filter((child) => typeof child === "string").join("");
}

function attributesOf(text: string): Record<string, string> {
  const pairs = text.matchAll(/([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g);
  return Object.fromEntries([...pairs].map(([, name, a, b]) => [local(name!), decode(a ?? b ?? "")]));
}

function local(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number(decimal));
    return ENTITIES[name] ?? whole;
  });
}
