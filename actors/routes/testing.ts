/** A gateway in front of a real node, for tests of routes: with a conversation that answers what it hears. */

import {
  type AnyRoute,
  ConversationTokens,
  type Gateway,
  type GatewayOptions,
  RouteRegistry,
  startGateway,
} from "../../runtime/gateway/index.ts";
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import { type AnyStateMachine, assign, emit, setup, tell } from "../../runtime/host/machine.ts";
import { TestDesk, type TestNodeOptions } from "../../runtime/host/testing.ts";

export const ADMIN_TOKEN = "the-admin-token-of-a-test-0123456789";

/** Answers each message with what it heard and how many it has heard. */
const parrot = setup({ types: {} as { context: { id: string; heard: number } } }).createMachine({
  context: ({ input }: any) => ({ id: input.address.id, heard: 0 }),
  on: {
    "customer.message": {
      actions: [
        assign({ heard: ({ context }: any) => context.heard + 1 }),
        emit(({ context, event }: any) =>
          tell(
            { kind: "channel", key: context.id, id: context.id },
            "reply",
            { text: `${context.heard}: ${event.data.text}`, role: "desk" },
            { answers: [event.id] },
          ),
        ),
      ],
    },
  },
} as any) as unknown as AnyStateMachine;

export const parrotDefinitions: ActorDefinition[] = [
  {
    kind: "conversation",
    version: 1,
    machine: parrot,
    view: (context) => ({ state: "listening", slots: {}, outcome: null, heard: context.heard }),
  },
  { kind: "channel", version: 1, machine: parrot, sink: true },
];

export interface RoutesUnderTest {
  readonly desk: TestDesk;
  readonly gateway: Gateway;
  readonly tokens: ConversationTokens;
  call(method: string, path: string, body?: unknown, token?: string): Promise<{ status: number; body: any }>;
  stop(): Promise<void>;
}

/** Starts server, node and gateway. `routes` is given what was started. */
export async function serveRoutes(
  routes: (desk: TestDesk, tokens: ConversationTokens) => AnyRoute[],
  options: { node?: Partial<TestNodeOptions>; gateway?: Partial<GatewayOptions> } = {},
): Promise<RoutesUnderTest> {
  const desk = await TestDesk.start({ definitions: parrotDefinitions, ...options.node });
  const tokens = new ConversationTokens((purpose, value) => desk.node.keyedHash(purpose, value));
  const gateway = await startGateway({
    registry: new RouteRegistry().add(...routes(desk, tokens)),
    gatekeeper: { customerAuth: "open", adminToken: ADMIN_TOKEN, conversations: tokens },
    port: 0,
    ...options.gateway,
  });
  return {
    desk,
    gateway,
    tokens,
    async call(method, path, body, token) {
      const response = await fetch(`${gateway.url}${path}`, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
    },
    async stop() {
      await gateway.close();
      await desk.stop();
    },
  };
}
