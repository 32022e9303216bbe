export { authenticate, type Gatekeeper } from "./authenticate.ts";
export { MAX_TEXT_BYTES, readText } from "./input.ts";
export { DEFAULT_LIMITS, type Limit, type Limits } from "./limits.ts";
export { checkAddress, DEFAULT_PORT, GatewayError } from "./listen.ts";
export { openApiDocument } from "./openapi.ts";
export { type FieldError, invalid, type ProblemDocument, ProblemError, tooMany } from "./problem.ts";
export {
  type AnyRoute,
  type Download,
  notFound,
  type Principal,
  type RequestContext,
  type RouteDefinition,
  RouteRegistry,
  type RouteReply,
  route,
} from "./routes.ts";
export {
  type Gateway,
  type GatewayOptions,
  type RequestSeen,
  startGateway,
} from "./server.ts";
export {
  type EventSource,
  type EventStream,
  type StreamEvent,
  type StreamOptions,
  serveEvents,
} from "./sse.ts";
export { ConversationTokens, ensureAdminToken, signCustomerToken, verifyCustomerToken } from "./tokens.ts";
