/** Two recordings held against each other. */
export { type Apart, apartOf } from "./apart.ts";
export { type Diff, diffRecordings, firstOf } from "./diff.ts";
export { htmlOf, type NamedDiff } from "./html.ts";
export { columnsOf } from "./terminal.ts";
