/** What an operator may set about the dialogue, and what the conversation needs to know of its playbooks. */
import type { AnyStateMachine } from "../../runtime/host/machine.ts";

export interface DialogOptions {
  /** Silence of a customer before the nudge, and from then on until the conversation is closed. ms */
  readonly silenceMs: number;
  readonly abandonMs: number;
  /** Whether customers are asked at the end how it was. */
  readonly askSatisfaction: boolean;
  /** How long the question for satisfaction stays open. ms */
  readonly satisfactionMs: number;
  /** How long a customer waits for a task before he is told that it takes longer. ms */
  readonly taskPatienceMs: number;
  /** Deadlines of asks. ms */
  readonly understandMs: number;
  readonly verifyMs: number;
  readonly callMs: number;
  readonly searchMs: number;
  readonly groundMs: number;
  readonly memoryMs: number;
  /** The same where something is kept in memory: nobody waits for that, and what is given up is not remembered. ms */
  readonly keepMs: number;
  /** What a model may take for one answer. ms */
  readonly modelMs: number;
  /** What a model may take to sum up a conversation that has ended; 0: it is not asked. ms */
  readonly digestMs: number;
  /** Confidence in a fact that a model has found in what was said. */
  readonly proposedConfidence: number;
  /** Confidence from which an intent is acted on. */
  readonly confident: number;
  /** The same when the message names an order or an e-mail address: it is about a record, so less is enough. */
  readonly confidentWithRecord: number;
  /** Confidence from which an intent is offered in a question back. */
  readonly possible: number;
  /** Intent that is served when a customer has said who he is, and nothing tells what he wants; empty: he is asked. */
  readonly whenKnown: string;
  /** Confidence from which another intent interrupts a playbook that waits for an answer. */
  readonly switching: number;
  /** Confidence from which a passage is quoted. */
  readonly quote: number;
  /** Who answers a free question first: the article that fits best, or the model. */
  readonly prefer: "quote" | "model";
  /** Interrupted playbooks that are kept. */
  readonly parked: number;
  /** Turns that are kept in the state. */
  readonly history: number;
  /** Characters of a turn that are kept in the state. */
  readonly historyChars: number;
}

export const DIALOG_DEFAULTS: DialogOptions = {
  silenceMs: 10 * 60_000,
  abandonMs: 10 * 60_000,
  askSatisfaction: true,
  satisfactionMs: 10 * 60_000,
  taskPatienceMs: 20_000,
  understandMs: 4_000,
  verifyMs: 5_000,
  callMs: 5_000,
  searchMs: 3_000,
  groundMs: 2_000,
  memoryMs: 1_500,
  keepMs: 60_000,
  modelMs: 8_000,
  digestMs: 8_000,
  proposedConfidence: 0.7,
  confident: 0.55,
  confidentWithRecord: 0.4,
  possible: 0.2,
  whenKnown: "order_status",
  switching: 0.7,
  quote: 0.5,
  prefer: "quote",
  parked: 3,
  history: 12,
  historyChars: 2_000,
};

/** A playbook as the conversation sees it. */
export interface PlaybookEntry {
  readonly name: string;
  /** Key of the machine: `<name>@<version>`. */
  readonly src: string;
  /** What it does, to be read by a customer: `cancel an order`. */
  readonly label: string;
}

/** The playbooks of a desk. Older versions stay in `machines` for the conversations that began when they were current. */
export interface PlaybookCatalog {
  /** The playbook that serves an intent in its present version. */
  forIntent(intent: string): PlaybookEntry | undefined;
  /** A version of a playbook, as long as it is there. */
  version?(name: string, version: number): PlaybookEntry | undefined;
  readonly machines: Readonly<Record<string, AnyStateMachine>>;
  /** Overrides of playbooks' own settings. */
  settings?(name: string): Record<string, unknown> | undefined;
}

/** Versions of playbooks by name; a name that is left out has the first. */
export type PlaybookVersions = Readonly<Record<string, number>>;

/**
 * The playbooks as they were when a conversation began (L11): each in the version that was current then, also where it starts
 * only now. One whose version is not there any more is there in its present one.
 */
export function asBegun(catalog: PlaybookCatalog, versions: PlaybookVersions = {}): PlaybookCatalog {
  return {
    ...catalog,
    forIntent: (intent) => {
      const present = catalog.forIntent(intent);
      if (!present) return undefined;
      const version = Object.hasOwn(versions, present.name) ? versions[present.name]! : 1;
      return catalog.version?.(present.name, version) ?? present;
    },
  };
}
