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
import type { Service } from "../../runtime/host/service.ts";
import { TestDesk, type TestNodeOptions } from "../../runtime/host/testing.ts";
import { actorDefinitions } from "../definitions.ts";
import { HandoffDesk } from "../handoff/index.ts";
import { readSignals } from "../language/signals.ts";
import { yesNo } from "../language/slots/index.ts";
import { contentWords } from "../language/text.ts";
import { Unknowns } from "../task/index.ts";
import { deskRoutes } from "./index.ts";
import { followStatus } from "./status-store.ts";

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
    seen: ({ route, error }) => {
      if (error) console.error(`unexpected in ${route}:`, error);
    },
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

const ARTICLE = {
  id: "returns-1",
  articleId: "returns",
  title: "Returning an item",
  text: "You can return most items within 30 days after delivery. Ask here for a label, pack the item in its box, and drop it off at any parcel shop.\n\nThe money is back on your card within five working days after the parcel has reached us.",
};

/** As much of language and knowledge as a desk without playbooks needs: its own signals, and one article. */
const services: Service[] = [
  {
    name: "language",
    operations: {
      understand: async ({ text }) => ({
        language: "en",
        intent: null,
        alternatives: [],
        requests: [],
        entities: [],
        yesNo: yesNo(text),
        signals: { ...readSignals(text) },
        masked: text,
        topics: contentWords(text),
      }),
    },
  },
  {
    name: "knowledge",
    operations: {
      search: async ({ text }) => {
        const found = /return/i.test(text) ? { ...ARTICLE, score: 1, confidence: 0.9 } : null;
        return { passages: found ? [found] : [], best: found };
      },
    },
  },
];

/** The desk's own agents behind all of its routes, without playbooks and without a model. */
export function serveDesk(more: () => AnyRoute[] = () => []): Promise<RoutesUnderTest> {
  return serveRoutes(
    ({ node }, tokens) => [
      ...deskRoutes({
        engine: node,
        tokens,
        handoffs: new HandoffDesk(node),
        unknowns: new Unknowns(node),
        deadLetters: {
          list: (limit) => node.deadLetters.list(limit),
          show: (number) => node.deadLetters.show(number),
          drop: (number) => node.deadLetters.drop(number),
          count: () => node.deadLetters.count(),
          retry: (number) => node.retryDeadLetter(number),
        },
        feed: followStatus(node),
      }),
      ...more(),
    ],
    {
      node: {
        services,
        definitions: actorDefinitions({
          workspace: "test",
          playbooks: { forIntent: () => undefined, machines: {} },
          skills: { get: () => undefined },
        }),
      },
    },
  );
}
