/** Errors of the cluster. */

/** Another living node has this name: names have to differ. Nothing was changed. */
export class NodeNameTakenError extends Error {
  override readonly name = "NodeNameTakenError";
  constructor(readonly node: string) {
    super(`a node named ${JSON.stringify(node)} is running already: give this one another name`);
  }
}

/** The cluster was made with another number of partitions, which is fixed for good. */
export class PartitionCountError extends Error {
  override readonly name = "PartitionCountError";
  constructor(
    readonly found: number,
    readonly wanted: number,
  ) {
    super(`the cluster has ${found} partitions, this node is configured for ${wanted}: use ${found}`);
  }
}

/** The cluster could not be joined in time, or a write of this node was not confirmed in time. */
export class ClusterTimeoutError extends Error {
  override readonly name = "ClusterTimeoutError";
}

/** Somebody else was quicker; the partition is looked at again. */
export class LeaseTakenError extends Error {
  override readonly name = "LeaseTakenError";
  constructor(readonly partition: number) {
    super(`partition ${partition} was taken by another node, or the session ended meanwhile`);
  }
}
