/** Values in messages: order numbers, addresses of e-mail and post, dates, amounts, names, yes and no. */
export { type ExtractOptions, SlotExtractor } from "./extract.ts";
export { DEFAULT_ORDER_NUMBERS, type OrderFormat, type OrderNumberOptions } from "./order-number.ts";
export { yesNo } from "./yes-no.ts";
