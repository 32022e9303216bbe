/** The profile of a customer. */
export { customerMachine, customerView } from "./machine.ts";
