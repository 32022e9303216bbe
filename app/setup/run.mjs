// The first thing that runs from a fresh clone: `node app/setup/run.mjs setup|start|test|demo`.
//
// Nothing is installed yet, so set-up is plain JavaScript without dependencies. This file is written for very old
// versions of Node (nothing newer than import()), because it has to tell them that they are too old.
var parts = process.versions.node.split(".").map(Number);
if (parts[0] > 20 || (parts[0] === 20 && parts[1] >= 19)) {
  import("./main.mjs").then((setup) => setup.main(process.argv.slice(2)));
} else {
  console.error(
    "bailiwick needs Node 20.19 or later and this is " +
      process.versions.node +
      ": install it from https://nodejs.org/en/download (or: nvm install 22), then run the same command again.",
  );
  process.exitCode = 3;
}
