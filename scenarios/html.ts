/** Pages that need nothing else: no script, no network, light and dark. */

const BASE = `
:root{color-scheme:light dark;--line:#8884;--accent:#d9480f;--apart:#d9480f22}
body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}
`;

/** @param body lines of HTML, with whatever is not ours escaped */
export function page(title: string, style: string, body: readonly string[]): string {
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${escaped(title)}</title><style>${BASE}${style}</style></head><body>`,
    ...body,
    "</body></html>",
    "",
  ].join("\n");
}

export function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (c) => entities[c]!);
}
