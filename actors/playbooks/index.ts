/** Playbooks: the YAML language, its compiler to XState machines, and the ones that are shipped. */
export { type Compiled, compilePlaybook } from "./compiler/compile.ts";
export { lintPlaybook } from "./compiler/lint.ts";
export { type Diagnostic, formatDiagnostic, PlaybookError } from "./language/diagnostics.ts";
export { type PlaybookSource, readPlaybook } from "./language/read.ts";
export * from "./protocol.ts";
export {
  checkPlaybooks,
  loadPlaybooks,
  type Playbook,
  type PlaybookSet,
  playbookDirs,
  playbookFiles,
  SHOP_PLAYBOOKS,
} from "./registry.ts";
