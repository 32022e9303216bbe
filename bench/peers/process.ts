/** Entry of the bench's own processes: the first argument says which one. */
const ROLES = {
  floor: () => import("./floor-process.ts"),
  xstate: () => import("./xstate-process.ts"),
};

await ROLES[process.argv[2] as keyof typeof ROLES]();
