/** An independent checker of what a desk says about records. */
export { type CheckerOptions, ConversationChecker, type Finding, type Verdict } from "./checker.ts";
export { hasFacts, type Spoilt, seeded, spoil } from "./sabotage.ts";
export { type Proof, verifiedBy, type Ways } from "./who.ts";
export { type FactOrder, type FactWorld, readWorld, worldOf } from "./world.ts";
