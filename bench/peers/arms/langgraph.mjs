/** LangGraph.js with its SQLite checkpointer: a graph of three nodes, each checkpointed, with the messages in its state. */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { serveTurns } from "../../../dist/bench/peers/turns.js";
import { classify, lookUp, orderIn, replyTo } from "../../../dist/bench/support-turn.js";

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  intent: Annotation(),
  order: Annotation(),
  turns: Annotation({ reducer: (before, more) => before + more, default: () => 0 }),
});

const textOf = ({ messages }) => String(messages.at(-1).content);

const workflow = new StateGraph(State)
  .addNode("classify", (state) => ({ intent: classify(textOf(state)) }))
  .addNode("look_up", (state) => ({ order: lookUp(orderIn(textOf(state))) }))
  .addNode("reply", ({ intent, order }) => ({ messages: [new AIMessage(replyTo(intent, order))], turns: 1 }))
  .addEdge(START, "classify")
  .addEdge("classify", "look_up")
  .addEdge("look_up", "reply")
  .addEdge("reply", END);

let graph;
const config = (conversation) => ({ configurable: { thread_id: conversation } });
/** One turn of a thread after the other. */
const last = new Map();

serveTurns({
  async start(dir) {
    const checkpointer = SqliteSaver.fromConnString(`${dir}/langgraph.sqlite`);
    graph = workflow.compile({ checkpointer });
  },
  turn(conversation, text) {
    const mine = (last.get(conversation) ?? Promise.resolve()).then(async () => {
      const { messages } = await graph.invoke({ messages: [new HumanMessage(text)] }, config(conversation));
      return String(messages.at(-1).content);
    });
    last.set(
      conversation,
      mine.catch(() => {}),
    );
    return mine;
  },
  async turnsOf(conversation) {
    const { values } = await graph.getState(config(conversation));
    return values.turns ?? 0;
  },
  async stop() {},
});
