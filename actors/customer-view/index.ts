/** The view of a customer: what all systems and the desk know of him, in one answer. */
export type { CustomerView } from "./answer.ts";
export { customerRoutes } from "./routes.ts";
