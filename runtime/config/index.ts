export type {
  AdminClient,
  CliEnv,
  ClientRequest,
  Colors,
  Contributor,
  Progress,
  ServerEvent,
} from "./cli.ts";
export {
  adminTokenFile,
  type DataDir,
  isDataDirHeld,
  type NodeInfo,
  nodeFile,
  openDataDir,
  prepareDataDir,
  readNodeInfo,
} from "./data-dir.ts";
export { ConfigError, DataDirLockedError, DependencyError, UsageError } from "./errors.ts";
export { type LoadedConfig, type LoadOptions, loadConfig } from "./load.ts";
export { copiesRisk, findNatsServer, natsServerVersion, powerCutRisk } from "./nats-server.ts";
export { asset, cacheDir, projectRoot } from "./paths.ts";
export { maskSecrets, printConfig } from "./print.ts";
export { type Config, type ConfigInput, configSchema } from "./schema.ts";
export { didYouMean, nearest } from "./suggest.ts";
