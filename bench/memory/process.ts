/** Entry of all processes of the bench: the first argument says which one. */
import { serve } from "../harness/remote.ts";
import { ROLES, type Role } from "./roles.ts";

const { handlers, end } = await ROLES[process.argv[2] as Role]();
serve(handlers, end);
