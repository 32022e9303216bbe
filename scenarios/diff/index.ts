/** Two recordings held against each other. */
export {
  type Diff,
  diffRecordings,
  type FirstDivergence,
  firstOf,
  type Line,
  linesOf,
  type Row,
} from "./diff.ts";
export { htmlOf, type NamedDiff } from "./html.ts";
export { columnsOf } from "./terminal.ts";
