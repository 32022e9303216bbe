/** Names on the bus. They are part of the stored data and of the agreement between nodes: never change one. */
import { BusUsageError } from "./errors.ts";

/** Names of workspaces go into subjects, stream names and bucket names. */
const WORKSPACE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

export interface Subjects {
  readonly workspace: string;
  /** Stream that holds the log. */
  readonly logStream: string;
  /** What the stream takes up: every partition. */
  readonly logAll: string;
  /** Bucket of wrapped data keys. */
  readonly keysBucket: string;
  /** Broadcast: a data key was destroyed or wrapped anew. */
  readonly keysDrop: string;
  /** Stream of dead letters, and its one subject. */
  readonly deadStream: string;
  readonly dead: string;
  /** Stream of what memory is told, and its one subject. */
  readonly memoryStream: string;
  readonly memory: string;
  /** Stream of the bodies that are too large for the log. */
  readonly bodiesStream: string;
  /** What it takes up: every body, and where they may go from. */
  readonly bodyAll: string;
  readonly bodyMarks: string;
  /** A body, by the data subject that it is sealed under and the name of its content. */
  body(key: string, name: string): string;
  /** Every body of a data subject. */
  bodiesOf(key: string): string;
  log(partition: number): string;
  /** Where a resident agent takes requests. */
  service(name: string, operation: string): string;
  /** All operations of a resident agent. */
  serviceAll(name: string): string;
  /** Live events of a conversation. */
  out(key: string): string;
  /** Live events of every conversation. */
  readonly outAll: string;
  /** Where a node of the cluster answers the others. */
  node(operation: string, name: string): string;
  /** Broadcast: an actor is far behind. */
  readonly behind: string;
  /** Broadcast: what ended below this sequence leaves the log. */
  readonly left: string;
  /** Any other bucket or stream of the workspace: `BW_<workspace>_<NAME>`. */
  named(name: string): string;
}

/** @throws BusUsageError for a name that cannot be a workspace, a partition, or a token. */
export function subjectsOf(workspace: string): Subjects {
  if (!WORKSPACE.test(workspace)) {
    throw new BusUsageError(
      `workspace ${JSON.stringify(workspace)} is not valid: use 1 to 32 letters, digits, "_" or "-"`,
    );
  }
  const root = `bw.${workspace}`;
  const stored = `BW_${workspace}`;
  return {
    workspace,
    logStream: `${stored}_LOG`,
    logAll: `${root}.log.*`,
    deadStream: `${stored}_DEAD`,
    dead: `${root}.dead`,
    memoryStream: `${stored}_MEMORY`,
    memory: `${root}.memory`,
    bodiesStream: `${stored}_BODIES`,
    bodyAll: `${root}.body.*.*`,
    bodyMarks: `${root}.body.marks`,
    body: (key, name) => `${root}.body.${token("key", key)}.${token("name of a body", name)}`,
    bodiesOf: (key) => `${root}.body.${token("key", key)}.*`,
    keysBucket: `${stored}_KEYS`,
    keysDrop: `${root}.keys.drop`,
    log: (partition) => {
      if (!Number.isInteger(partition) || partition < 0) {
        throw new BusUsageError(`partition ${partition} is not a whole number from 0`);
      }
      return `${root}.log.${partition}`;
    },
    service: (name, operation) => `${root}.svc.${token("service", name)}.${token("operation", operation)}`,
    serviceAll: (name) => `${root}.svc.${token("service", name)}.*`,
    out: (key) => `${root}.out.${token("key", key)}`,
    outAll: `${root}.out.*`,
    behind: `${root}.behind`,
    left: `${root}.left`,
    node: (operation, name) =>
      `${root}.node.${token("operation", operation)}.${name
        .split(".")
        .map((part) => token("name of a node", part))
        .join(".")}`,
    named: (name) => `${stored}_${token("name", name)}`,
  };
}

/** Partition of a log subject; undefined when it is none of this workspace. */
export function partitionOfSubject(subjects: Subjects, subject: string): number | undefined {
  const prefix = `bw.${subjects.workspace}.log.`;
  if (!subject.startsWith(prefix)) return undefined;
  const partition = Number(subject.slice(prefix.length));
  return Number.isInteger(partition) && partition >= 0 ? partition : undefined;
}

/** Operation of a service subject: its last token. */
export function operationOfSubject(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}

function token(what: string, value: string): string {
  if (!TOKEN.test(value)) {
    throw new BusUsageError(
      `${what} ${JSON.stringify(value)} cannot be in a subject: use 1 to 128 letters, digits, "_" or "-"`,
    );
  }
  return value;
}
