/** A diff as one HTML file that needs nothing else: no script, no network. */
import { escaped, page } from "../html.ts";
import type { Diff, Line, Row } from "./diff.ts";

const STYLE = `
table{border-collapse:collapse;width:100%;table-layout:fixed}
td,th{border-top:1px solid var(--line);padding:.35rem .5rem;vertical-align:top;text-align:left;overflow-wrap:anywhere}
th{font-weight:600}td.seq,th.seq{width:3.5rem;text-align:right;opacity:.6;font-variant-numeric:tabular-nums}
tr.apart td{background:var(--apart)}tr.first td{border-top:2px solid var(--accent)}
.who{display:inline-block;min-width:5.5rem;opacity:.65}
.note{color:var(--accent);font-weight:600}.equal{opacity:.65}
`;

export interface NamedDiff {
  readonly diff: Diff;
  readonly a: string;
  readonly b: string;
}

export function htmlOf(diffs: readonly NamedDiff[]): string {
  const apart = diffs.filter(({ diff }) => !diff.same);
  const count = `${diffs.length} compared, ${apart.length} went apart`;
  return page(count, STYLE, [
    `<h1>${escaped(count)}</h1>`,
    ...apart.map(section),
    ...(apart.length < diffs.length
      ? [
          "<h2>The same</h2>",
          `<p class="equal">${diffs
            .filter(({ diff }) => diff.same)
            .map(({ diff }) => escaped(diff.id))
            .join(", ")}</p>`,
        ]
      : []),
  ]);
}

function section({ diff, a, b }: NamedDiff): string {
  const { id, rows, first } = diff;
  return [
    `<h2 id="${escaped(id)}">${escaped(id)}</h2>`,
    `<p class="note">goes apart at step ${first! + 1}</p>`,
    `<table><thead><tr><th class="seq">#</th><th>${escaped(a)}</th><th class="seq">#</th><th>${escaped(b)}</th></tr></thead><tbody>`,
    ...rows.map((row, i) => rowOf(row, i === first)),
    "</tbody></table>",
  ].join("\n");
}

function rowOf({ a, b, same }: Row, isFirst: boolean): string {
  const classes = [...(same ? [] : ["apart"]), ...(isFirst ? ["first"] : [])].join(" ");
  return `<tr${classes ? ` class="${classes}"` : ""}>${cells(a)}${cells(b)}</tr>`;
}

function cells(line: Line | undefined): string {
  if (!line) return '<td class="seq"></td><td></td>';
  return `<td class="seq">${line.seq}</td><td><span class="who">${line.who}</span> ${escaped(line.words)}</td>`;
}
