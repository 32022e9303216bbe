/** A report as one HTML file that needs nothing else: tables and bars, no script, no network. */
import { escaped, page } from "../scenarios/html.ts";
import { type BenchReport, type BenchResult, changeOf } from "./report.ts";

const STYLE = `
table{border-collapse:collapse;width:100%}
td,th{border-top:1px solid var(--line);padding:.3rem .5rem;text-align:right;font-variant-numeric:tabular-nums}
td:first-child,th:first-child{text-align:left}th{font-weight:600}
.missed td{background:var(--apart)}.note{opacity:.65}
svg{width:100%;height:auto;overflow:visible}svg text{font:12px system-ui,sans-serif;fill:currentColor}
.p50{fill:#2b8a3e}.p95{fill:#e8a317}.p99{fill:#d9480f}.value{fill:#1c7ed6}.grid{stroke:var(--line)}
.key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}
`;

export function pageOf(title: string, report: BenchReport): string {
  const { machine, versions, results, missed } = report;
  const words = (record: object): string =>
    Object.entries(record)
      .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`)
      .join(" · ");
  const timed = results.filter((row) => row.p50 !== undefined);
  const byUnit = new Map<string, BenchResult[]>();
  for (const row of results.filter((each) => each.p50 === undefined && each.value > 0))
    byUnit.set(row.unit, [...(byUnit.get(row.unit) ?? []), row]);
  const compared = [...byUnit].filter(([, rows]) => rows.length > 1);
  return page(title, STYLE, [
    `<h1>${escaped(title)}</h1>`,
    `<p class="note">${escaped(words(machine))}<br>${escaped(words(versions))}</p>`,
    `<p>${missed.length === 0 ? "No budget was missed." : `Missed: ${missed.map(escaped).join(", ")}`}</p>`,
    ...(timed.length > 0
      ? [
          `<h2>Latency, ms</h2><p class="note"><i class="key" style="background:#2b8a3e"></i>p50<i class="key" style="background:#e8a317"></i>p95<i class="key" style="background:#d9480f"></i>p99, on a logarithmic scale</p>`,
          latencies(timed),
        ]
      : []),
    ...compared.map(([unit, rows]) => `<h2>${escaped(unit)}</h2>${bars(rows)}`),
    "<h2>All</h2>",
    tableOf(results),
  ]);
}

const WIDTH = 900;
const LABELS = 330;
const ROW = 22;
/** Room for the figure behind a bar. */
const FIGURES = 90;

function latencies(rows: readonly BenchResult[]): string {
  const values = rows
    .flatMap(({ p50, p95, p99 }) => [p50, p95, p99])
    .filter((v): v is number => (v ?? 0) > 0);
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const span = WIDTH - LABELS - FIGURES;
  const x = (value: number): number => LABELS + (span * (Math.log10(value) - low)) / (high - low);
  const height = (rows.length + 1) * ROW;
  const grid = Array.from({ length: high - low + 1 }, (_, i) => {
    const at = x(10 ** (low + i));
    return `<line class="grid" x1="${at}" x2="${at}" y1="0" y2="${height - ROW}"/><text x="${at}" y="${height - 5}" text-anchor="middle">${10 ** (low + i)}</text>`;
  });
  const lines = rows.map(({ name, p50, p95, p99 }, i) => {
    const y = i * ROW + ROW / 2;
    const dots = (
      [
        ["p99", p99],
        ["p95", p95],
        ["p50", p50],
      ] as const
    ).flatMap(([of, value]) =>
      value !== undefined && value > 0
        ? [`<circle class="${of}" cx="${x(value)}" cy="${y}" r="5"><title>${of} ${value} ms</title></circle>`]
        : [],
    );
    return `<text x="0" y="${y + 4}">${escaped(name)}</text>${dots.join("")}<text x="${WIDTH - FIGURES + 8}" y="${y + 4}">${p95 ?? p50} ms</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">${grid.join("")}${lines.join("")}</svg>`;
}

function bars(rows: readonly BenchResult[]): string {
  const most = Math.max(...rows.map(({ value }) => value));
  const span = WIDTH - LABELS - FIGURES;
  const lines = rows.map(({ name, value }, i) => {
    const y = i * ROW;
    const width = Math.max(1, (span * value) / most);
    return `<text x="0" y="${y + 15}">${escaped(name)}</text><rect class="value" x="${LABELS}" y="${y + 4}" width="${width}" height="${ROW - 8}"/><text x="${LABELS + width + 6}" y="${y + 15}">${value}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${rows.length * ROW}" role="img">${lines.join("")}</svg>`;
}

function tableOf(rows: readonly BenchResult[]): string {
  const cell = (value: number | string | undefined): string => `<td>${escaped(String(value ?? ""))}</td>`;
  const columns = ["", "", "p50 ms", "p95 ms", "p99 ms", "against", "budget", "", "beside the baseline"];
  return [
    `<table><thead><tr>${columns.map((text) => `<th>${text}</th>`).join("")}</tr></thead><tbody>`,
    ...rows.map((row) => {
      const { name, value, unit, p50, p95, p99, baseline, budget, held } = row;
      const said = held === undefined ? "" : held ? "held" : "missed";
      const cells = [name, `${value} ${unit}`, p50, p95, p99, baseline, budget, said, changeOf(row)];
      return `<tr${held === false ? ' class="missed"' : ""}>${cells.map(cell).join("")}</tr>`;
    }),
    "</tbody></table>",
  ].join("\n");
}
