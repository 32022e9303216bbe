/** The profile of a customer, and the key under which he is known inside. */
export { customerKey, withCustomerKey } from "./key.ts";
export { customerMachine, customerView } from "./machine.ts";
