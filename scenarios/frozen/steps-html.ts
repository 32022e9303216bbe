/** Steps of a recording as one HTML file that needs nothing else: no script, no network. */
import { escaped, page } from "../html.ts";
import type { SeenStep } from "./steps.ts";

const STYLE = `
details{border-top:1px solid var(--line);padding:.4rem 0}
summary{cursor:pointer;display:grid;grid-template-columns:3rem 9rem 1fr 16rem;gap:.6rem}
summary .n{text-align:right;opacity:.6}summary .kind{opacity:.7}
.moved{color:var(--accent);font-weight:600}
pre{overflow:auto;background:#8881;padding:.6rem;margin:.4rem 0 0 3.6rem;font-size:12px}
ul{margin:.4rem 0 0 3.6rem;padding:0 0 0 1rem}code{overflow-wrap:anywhere}
`;

export function stepsHtml(title: string, steps: readonly SeenStep[]): string {
  return page(title, STYLE, [`<h1>${escaped(title)}</h1>`, ...steps.map(stepHtml)]);
}

function stepHtml(step: SeenStep): string {
  const { words, actor, before, value, children, changed, context, timers } = step;
  const [kind] = actor.split("/");
  const moved = JSON.stringify(before) !== JSON.stringify(value);
  const state = moved ? `${text(before)} → ${text(value)}` : text(value);
  const running = Object.entries(children).map(([id, child]) => `${id}: ${text(child)}`);
  const waits = Object.entries(timers).map(([key, ms]) => `${key} in ${Math.round(ms / 1_000)} s`);
  return [
    `<details><summary><span class="n">${step.step}</span><span class="kind">${escaped(kind!)}</span>`,
    `<span>${escaped(words)}</span><span class="${moved ? "moved" : ""}">${escaped(state)}</span></summary>`,
    "<ul>",
    ...[...running.map((each) => `child ${each}`), ...waits.map((each) => `timer ${each}`)].map(
      (each) => `<li>${escaped(each)}</li>`,
    ),
    ...changed.map(
      ({ path, first, other }) =>
        `<li><code>${escaped(path)}</code>: <code>${escaped(text(first))}</code> → <code>${escaped(text(other))}</code></li>`,
    ),
    "</ul>",
    `<pre>${escaped(JSON.stringify(context, null, 2))}</pre></details>`,
  ].join("");
}

function text(value: unknown): string {
  if (value === undefined || value === null) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}
