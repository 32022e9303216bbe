/** The bus: NATS connection, requests, buckets, subjects, and the embedded server. */
export * from "./bus.ts";
export { type ConnectOptions, connectBus } from "./connection.ts";
export * from "./errors.ts";
export { requireJetStream } from "./jet-stream.ts";
export { DirectoryInUseError, DirectoryOwner, processIdentity } from "./owner.ts";
export { EmbeddedServer, type EmbeddedServerOptions, type ServerExit } from "./server.ts";
export { type JetStreamLimits, ServerStartError } from "./server-config.ts";
export { operationOfSubject, partitionOfSubject, type Subjects, subjectsOf } from "./subjects.ts";
