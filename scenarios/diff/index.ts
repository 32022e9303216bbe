/** Two recordings held against each other. */
export { type Diff, diffRecordings, firstOf } from "./diff.ts";
export { htmlOf, type NamedDiff } from "./html.ts";
export { columnsOf } from "./terminal.ts";
