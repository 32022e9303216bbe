/** Entry of all processes of the bench: the first argument says which one. Each begins when its module is loaded. */
const ROLES = {
  node: () => import("./node-process.ts"),
  load: () => import("./load-process.ts"),
  watched: () => import("./watched-process.ts"),
};

export type Role = keyof typeof ROLES;

await ROLES[process.argv[2] as Role]();
